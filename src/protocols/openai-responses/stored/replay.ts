import { isObject, type WireObject } from "../../shared/fields.ts";
import { renderEvent } from "../render-event.ts";
import type { WireEvent } from "../wire.ts";

/**
 * Writes the stream of a response that has ended again. The events are the same, but every text is one piece, so the numbers of the events differ.
 * @param json the response object.
 * @param after only events with a higher number are written (`starting_after`).
 */
export function replayStored(json: string, after = -1): string {
  const response = JSON.parse(json) as WireObject;
  const output = Array.isArray(response["output"]) ? response["output"].filter(isObject) : [];
  const begun = { ...response, status: "in_progress", output: [], usage: null, error: null, incomplete_details: null };
  const events: readonly object[] = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
    ...output.flatMap(replayItem),
    { type: `response.${String(response["status"])}`, response },
  ];
  return events.map((event, number) => (number > after ? renderEvent(event as WireEvent, number) : "")).join("");
}

function replayItem(item: WireObject, output: number): readonly object[] {
  const place = { item_id: item["id"], output_index: output };
  const added = { type: "response.output_item.added", output_index: output };
  const done = { type: "response.output_item.done", output_index: output, item };
  switch (item["type"]) {
    case "message": {
      const parts = partsOf(item["content"]).flatMap((part, index) => replayPart(part, { ...place, content_index: index }));
      return [{ ...added, item: { ...item, status: "in_progress", content: [] } }, ...parts, done];
    }
    case "reasoning": {
      const parts = partsOf(item["summary"]).flatMap((part, index) => replaySummary(part, { ...place, summary_index: index }));
      return [{ ...added, item: { ...item, summary: [] } }, ...parts, done];
    }
    case "function_call":
      return [
        { ...added, item: { ...item, status: "in_progress", arguments: "" } },
        { type: "response.function_call_arguments.delta", ...place, delta: item["arguments"] },
        { type: "response.function_call_arguments.done", ...place, name: item["name"], arguments: item["arguments"] },
        done,
      ];
    case "custom_tool_call":
      return [
        { ...added, item: { ...item, status: "in_progress", input: "" } },
        { type: "response.custom_tool_call_input.delta", ...place, delta: item["input"] },
        { type: "response.custom_tool_call_input.done", ...place, input: item["input"] },
        done,
      ];
    default:
      return [{ ...added, item }, done];
  }
}

function partsOf(value: unknown): readonly WireObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function replayPart(part: WireObject, place: object): readonly object[] {
  const isRefusal = part["type"] === "refusal";
  const key = isRefusal ? "refusal" : "text";
  const kind = isRefusal ? "refusal" : "output_text";
  const logprobs = isRefusal ? {} : { logprobs: [] };
  return [
    { type: "response.content_part.added", ...place, part: { ...part, [key]: "" } },
    { type: `response.${kind}.delta`, ...place, delta: part[key], ...logprobs },
    { type: `response.${kind}.done`, ...place, [key]: part[key], ...logprobs },
    { type: "response.content_part.done", ...place, part },
  ];
}

function replaySummary(part: WireObject, place: object): readonly object[] {
  return [
    { type: "response.reasoning_summary_part.added", ...place, part: { ...part, text: "" } },
    { type: "response.reasoning_summary_text.delta", ...place, delta: part["text"] },
    { type: "response.reasoning_summary_text.done", ...place, text: part["text"] },
    { type: "response.reasoning_summary_part.done", ...place, part },
  ];
}
