import { noBytes, utf8OfLatin1, type Bytes, type SseEvent } from "../../src/core/index.ts";
import { mergeUsage, type StopReason, type StreamEvent, type Usage } from "../../src/ir/index.ts";
import type { AnswerFacts, ClientContext, StreamDecoder, StreamEncoder, StreamTap, UpstreamError } from "../../src/protocols/index.ts";
import { endOf, reasonOf, tokensOf, usageOf, type ToyEnd, type ToyError, type ToyTokens } from "./answer.ts";

/** The data of an event: an opening, pieces of text or of arguments, and one end. `of`: the number of the call. */
export type ToyEvent =
  | { readonly open: { readonly id: string; readonly model: string } }
  | { readonly text: string }
  | { readonly call: { readonly id: string; readonly name: string }; readonly of: number }
  | { readonly args: string; readonly of: number }
  | { readonly end: ToyEnd; readonly tokens: ToyTokens }
  | ToyError;

export function frameOf(event: ToyEvent): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

function eventOf({ data }: SseEvent): ToyEvent | undefined {
  return data === "" ? undefined : (JSON.parse(utf8OfLatin1(data)) as ToyEvent);
}

export class ToyDecoder implements StreamDecoder {
  #next = 0;
  #open: { readonly index: number; readonly of: number | undefined } | undefined;

  push(sent: SseEvent): readonly StreamEvent[] {
    const event = eventOf(sent);
    if (event === undefined) return [];
    if ("error" in event) return [{ type: "error", error: event.error }];
    if ("open" in event) return [{ type: "message-start", ...event.open, createdAt: 0 }];
    if ("end" in event) {
      const end = { stopReason: reasonOf(event.end), rawStopReason: event.end, usage: usageOf(event.tokens) };
      return [...this.#close(), { type: "message-delta", ...end }, { type: "message-end" }];
    }
    if ("call" in event) return [...this.#begin(event.of, { type: "tool-call", kind: "function", ...event.call })];
    if ("args" in event) return [this.#delta({ type: "arguments", text: event.args })];
    const begun = this.#open?.of === undefined && this.#open !== undefined ? [] : this.#begin(undefined, { type: "text" });
    return [...begun, this.#delta({ type: "text", text: event.text })];
  }

  end(): readonly StreamEvent[] {
    return [];
  }

  #begin(of: number | undefined, block: Extract<StreamEvent, { type: "block-start" }>["block"]): readonly StreamEvent[] {
    const closed = this.#close();
    this.#open = { index: this.#next++, of };
    return [...closed, { type: "block-start", index: this.#open.index, block }];
  }

  #delta(delta: Extract<StreamEvent, { type: "block-delta" }>["delta"]): StreamEvent {
    return { type: "block-delta", index: this.#open!.index, delta };
  }

  #close(): readonly StreamEvent[] {
    const open = this.#open;
    this.#open = undefined;
    return open === undefined ? [] : [{ type: "block-end", index: open.index }];
  }
}

export class ToyEncoder implements StreamEncoder {
  readonly #model: string;
  readonly #texts = new Set<number>();
  #reason: StopReason = "stop";
  #usage: Usage = {};

  constructor({ model }: ClientContext) {
    this.#model = model;
  }

  push(event: StreamEvent): string {
    switch (event.type) {
      case "message-start":
        this.#usage = event.usage ?? {};
        return frameOf({ open: { id: event.id, model: this.#model } });
      case "block-start":
        if (event.block.type === "text") this.#texts.add(event.index);
        if (event.block.type !== "tool-call") return "";
        return frameOf({ call: { id: event.block.id, name: event.block.name }, of: event.index });
      case "block-delta":
        if (event.delta.type === "arguments") return frameOf({ args: event.delta.text, of: event.index });
        return event.delta.type === "text" && this.#texts.has(event.index) ? frameOf({ text: event.delta.text }) : "";
      case "message-delta":
        this.#reason = event.stopReason ?? this.#reason;
        this.#usage = mergeUsage(this.#usage, event.usage ?? {});
        return "";
      case "message-end":
        return frameOf({ end: endOf(this.#reason), tokens: tokensOf(this.#usage) });
      case "block-end":
      case "ping":
      case "error":
        return "";
    }
  }
}

/** Reads along in a stream from a provider of this protocol to a client of it. */
export class ToyTap implements StreamTap {
  readonly facts: AnswerFacts = {};
  opened = false;
  ended = false;
  finished = false;
  error: UpstreamError | undefined;
  textBytes = 0;
  readonly textSample = noBytes;

  push(sent: SseEvent): Bytes {
    const event = eventOf(sent);
    if (event === undefined) return sent.raw;
    if ("open" in event) Object.assign(this.facts, event.open);
    else if ("error" in event) this.error = event.error;
    else this.opened = true;
    if ("text" in event) this.textBytes += event.text.length;
    if ("end" in event) {
      this.facts.stopReason = event.end;
      this.facts.usage = usageOf(event.tokens);
      this.ended = true;
      this.finished = true;
    }
    return sent.raw;
  }

  completion(): Bytes {
    return noBytes;
  }
}
