import type { JsonObject, JsonValue } from "../testbed/json.ts";

/** One event of a stream; `event` is empty where it has no name. */
export interface WireEvent {
  readonly event: string;
  readonly data: string;
}

/** The events of a stream that is well-formed throughout: every line has a field or is a comment, and the last event is closed. */
export function readEvents(text: string): readonly WireEvent[] {
  const frames = text.replaceAll("\r\n", "\n").split("\n\n");
  if (frames.pop() !== "") throw new Error("the last event is not closed by an empty line");
  return frames.flatMap((frame) => {
    let event = "";
    const data: string[] = [];
    for (const line of frame.split("\n")) {
      if (line === "" || line.startsWith(":")) continue;
      const [, field, value] = /^(event|data): ?(.*)$/s.exec(line) ?? [];
      if (field === undefined) throw new Error(`no field of an event: ${line}`);
      if (field === "event") event = value ?? "";
      else data.push(value ?? "");
    }
    return data.length === 0 ? [] : [{ event, data: data.join("\n") }];
  });
}

/** The data of an event as an object. */
export function readData({ data }: WireEvent): JsonObject {
  return JSON.parse(data) as JsonObject;
}

/** A text or a number as text; any other value as JSON, which is no legal word of a stream. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
