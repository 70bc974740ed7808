import { parseLatin1, type SseEvent, type Bytes } from "../../core/index.ts";
import type { StreamError, StreamEvent } from "../../ir/index.ts";
import { isError } from "../shared/answered-error.ts";
import { objectsOf, isObject, type WireObject } from "../shared/fields.ts";
import type { StreamDecoder, ToolNames } from "../translation.ts";
import type { UpstreamError } from "../protocol.ts";
import { brokenResponse, readEnd, readHead } from "./answer-end.ts";
import { isCall, opaqueOf, readCall, textOf, type CallContext } from "./answer-items.ts";
import { DecodedCall, DecodedMessage, DecodedReasoning, type DecodedItem } from "./decode-items.ts";
import { errorOf, failureOf } from "./tap.ts";
import { usageOf } from "./usage.ts";

/**
 * Decodes a Responses stream (`ResponseStreamEvent` of the npm package `openai` 7.57). An item's deltas are emitted as they come. What the deltas
 * omitted is emitted when the item or its part is done, and what was never streamed when the response is done. Items that only this vendor
 * understands are emitted whole.
 */
export class ResponsesStreamDecoder implements StreamDecoder {
  readonly #context: CallContext;
  /** Where in the answer an item is, by the index and id of its events: some servers give several items one index, or none. */
  readonly #places = new Map<string, number>();
  /** Of items whose place is not their index, by id. */
  readonly #moved = new Map<string, number>();
  /** Calls whose item never began, by place: the events with their whole arguments. */
  readonly #unopened = new Map<number, WireObject>();
  readonly #items = new Map<number, DecodedItem>();
  /** Items that have been emitted completely. */
  readonly #done = new Set<number>();
  #id: string | undefined;
  #blocks = 0;
  #nextPlace = 0;
  #calls = false;
  #refused = false;
  #over = false;

  constructor(toolNames?: ToolNames) {
    this.#context = { toolNames, ids: new Set() };
  }

  push({ data, name }: SseEvent): readonly StreamEvent[] {
    if (this.#over || data === "" || data.trim() === "[DONE]") return [];
    const event = parseEvent(data);
    if (event === undefined)
      return this.#fail({ status: 502, message: "The provider sent an event that is not JSON.", code: "upstream_invalid_response" });
    const type = textOf(event["type"]) || name;
    switch (type) {
      case "response.failed":
      case "response.cancelled":
        return this.#fail(streamErrorOf(failureOf(data)));
      case "error":
        return this.#fail(streamErrorOf(errorOf(data)));
      case "response.completed":
      case "response.incomplete":
        return this.#finish(isObject(event["response"]) ? event["response"] : {});
      default:
        // Some servers send an error in place of an event, without a type.
        if (!type.startsWith("response.") && isError(event["error"])) return this.#fail(streamErrorOf(errorOf(data)));
        return type.startsWith("response.") ? this.#read({ ...event, type }) : [];
    }
  }

  end(): readonly StreamEvent[] {
    if (this.#over) return [];
    return this.#fail({
      status: 502,
      message: "The provider ended its stream before the answer was complete.",
      code: "upstream_truncated",
    });
  }

  #read(event: WireObject): readonly StreamEvent[] {
    const started = this.#start(isObject(event["response"]) ? event["response"] : {});
    return [...started, ...this.#readItem(event)];
  }

  #start(response: WireObject): readonly StreamEvent[] {
    if (this.#id !== undefined) return [];
    const head = readHead(response);
    this.#id = head.id;
    return [{ type: "message-start", ...head }];
  }

  #readItem(event: WireObject): readonly StreamEvent[] {
    const output = this.#placeOf(event);
    const type = textOf(event["type"]);
    switch (type) {
      case "response.output_item.added":
        return isObject(event["item"]) ? this.#open(output, event["item"]) : [];
      case "response.output_item.done":
        return isObject(event["item"]) ? this.#close(output, event["item"]) : [];
      case "response.content_part.added":
      case "response.content_part.done":
        return this.#part(event, output, type === "response.content_part.done");
      case "response.output_text.delta":
      case "response.refusal.delta":
        return this.#delta(event, output, { type: "message" });
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        return this.#delta(event, output, { type: "reasoning", id: event["item_id"] });
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        // A call whose item never began has no name: it is emitted when it is done.
        return this.#delta(event, output, undefined);
      case "response.output_text.annotation.added": {
        const item = this.#items.get(output);
        return item instanceof DecodedMessage && !this.#done.has(output) ? item.annotation(event) : [];
      }
      case "response.output_text.done":
      case "response.refusal.done":
        return this.#whole(event, output, { type: "message" });
      case "response.reasoning_summary_text.done":
      case "response.reasoning_text.done":
        return this.#whole(event, output, { type: "reasoning", id: event["item_id"] });
      case "response.function_call_arguments.done":
      case "response.custom_tool_call_input.done":
        if (!this.#items.has(output)) this.#unopened.set(output, event);
        return this.#whole(event, output, undefined);
      default:
        return [];
    }
  }

  /** The place of an event's item: its index in the answer, unless there is none, or another item begins or ends under it. */
  #placeOf(event: WireObject): number {
    const id = idOf(event);
    const given = typeof event["output_index"] === "number" ? event["output_index"] : undefined;
    const key = `${given ?? ""} ${id}`;
    const known = id === "" ? undefined : this.#places.get(key);
    if (known !== undefined) return known;
    const isFree = id === "" || (given !== undefined && !this.#isTaken(given, event["type"]));
    const place = isFree ? (given ?? Math.max(0, this.#nextPlace - 1)) : this.#nextPlace;
    this.#nextPlace = Math.max(this.#nextPlace, place + 1);
    if (id !== "") this.#places.set(key, place);
    if (!isFree) this.#moved.set(id, place);
    return place;
  }

  #isTaken(place: number, type: unknown): boolean {
    switch (type) {
      case "response.output_item.added":
        return this.#items.has(place) || this.#done.has(place);
      case "response.output_item.done":
        return this.#done.has(place);
      case "response.function_call_arguments.done":
      case "response.custom_tool_call_input.done":
        return this.#unopened.has(place);
      default:
        return false;
    }
  }

  /** The end of a part or of a call's arguments, which has all of it. */
  #whole(event: WireObject, output: number, fallback: WireObject | undefined): readonly StreamEvent[] {
    if (this.#done.has(output)) return [];
    const text = [event["text"], event["refusal"], event["arguments"], event["input"]].find((value) => typeof value === "string") ?? "";
    if (event["type"] === "response.refusal.done") this.#refused = true;
    if (text === "") return [];
    const opened = fallback === undefined ? [] : this.#open(output, fallback);
    return [...opened, ...(this.#items.get(output)?.whole(event, text) ?? [])];
  }

  #part(event: WireObject, output: number, ended: boolean): readonly StreamEvent[] {
    const part = event["part"];
    // The parts of reasoning are emitted by their deltas.
    if (!isObject(part) || this.#done.has(output) || !isMessagePart(part)) return [];
    if (part["type"] === "refusal") this.#refused = true;
    const opened = this.#open(output, { type: "message" });
    return [...opened, ...(this.#items.get(output)?.part(event, part, ended) ?? [])];
  }

  #delta(event: WireObject, output: number, fallback: WireObject | undefined): readonly StreamEvent[] {
    if (this.#done.has(output)) return [];
    if (event["type"] === "response.refusal.delta") this.#refused = true;
    const opened = fallback === undefined ? [] : this.#open(output, fallback);
    return [...opened, ...(this.#items.get(output)?.delta(event, textOf(event["delta"])) ?? [])];
  }

  /** Begins an item, unless it has begun. Opaque items are emitted when they are complete. */
  #open(output: number, item: WireObject): readonly StreamEvent[] {
    if (this.#items.has(output) || this.#done.has(output)) return [];
    const next = (): number => this.#blocks++;
    if (item["type"] === "message") {
      this.#items.set(output, new DecodedMessage(next));
      return [];
    }
    if (item["type"] === "reasoning") return this.#begin(output, new DecodedReasoning(item, next));
    if (!isCall(item)) return [];
    this.#calls = true;
    return this.#begin(output, new DecodedCall(readCall(item, `${this.#id ?? ""} ${output}`, this.#context), next));
  }

  #begin(output: number, item: DecodedItem & { readonly started: StreamEvent }): readonly StreamEvent[] {
    this.#items.set(output, item);
    return [item.started];
  }

  #close(output: number, item: WireObject): readonly StreamEvent[] {
    if (this.#done.has(output)) return [];
    const opened = this.#open(output, item);
    this.#done.add(output);
    if (objectsOf(item["content"]).some((part) => part["type"] === "refusal")) this.#refused = true;
    const known = this.#items.get(output);
    if (known !== undefined) return [...opened, ...known.done(item)];
    const index = this.#blocks++;
    return [
      { type: "block-start", index, block: opaqueOf(item) },
      { type: "block-end", index },
    ];
  }

  #finish(response: WireObject): readonly StreamEvent[] {
    const broken = brokenResponse(response);
    if (broken !== undefined) return this.#fail(streamErrorOf(broken), isError(response["error"]) ? undefined : response);
    const events: StreamEvent[] = [...this.#start(response)];
    for (const [index, item] of objectsOf(response["output"]).entries())
      events.push(...this.#close(this.#moved.get(idOf({ item })) ?? index, item));
    for (const [output, event] of this.#unopened) events.push(...this.#close(output, callOfEvent(event)));
    // Items that are not in the response are ended with what they had.
    for (const [output, item] of this.#items) if (!this.#done.has(output)) events.push(...item.done({}));
    for (const { fault } of this.#items.values()) if (fault !== undefined) return [...events, ...this.#fail(fault, response)];
    const usage = usageOf(response);
    const end = readEnd(response, { calls: this.#calls, refusal: this.#refused });
    events.push({ type: "message-delta", ...end, ...(usage === undefined ? {} : { usage }) }, { type: "message-end" });
    this.#over = true;
    return events;
  }

  /** `response`: the one that was generated to its end, if that is the error; what it reports to have used is billed. */
  #fail(error: StreamError, response: WireObject = {}): readonly StreamEvent[] {
    this.#over = true;
    const usage = usageOf(response);
    return [
      {
        type: "error",
        error,
        ...(usage === undefined ? {} : { end: { usage, rawStopReason: readEnd(response, noContent).rawStopReason ?? "failed" } }),
      },
    ];
  }
}

const noContent = { calls: false, refusal: false };

/** The id of an event's item; "" if there is none. */
function idOf({ item_id: itemId, item }: { readonly item_id?: unknown; readonly item?: unknown }): string {
  const { id, call_id: callId } = isObject(item) ? item : {};
  return textOf(itemId) || textOf(id) || textOf(callId);
}

/** The call item of an event that has its whole arguments. */
function callOfEvent(event: WireObject): WireObject {
  const { item_id: id, call_id, name, arguments: text, input } = event;
  const isCustom = event["type"] === "response.custom_tool_call_input.done";
  return isCustom ? { type: "custom_tool_call", id, call_id, name, input } : { type: "function_call", id, call_id, name, arguments: text };
}

function isMessagePart(part: WireObject): boolean {
  return part["type"] === "output_text" || part["type"] === "refusal" || part["type"] === "text";
}

function parseEvent(data: Bytes): WireObject | undefined {
  try {
    const event: unknown = parseLatin1(data);
    return isObject(event) ? event : undefined;
  } catch {
    return undefined; // The caller reports the error.
  }
}

/** The names of parameters are of another protocol than the client's, so they are omitted. */
function streamErrorOf({ param: _param, ...error }: UpstreamError): StreamError {
  return error;
}
