import { type SseEvent, asBytes } from "../../core/index.ts";
import { mergeUsage, type Citation, type StreamError, type StreamEvent, type Usage } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import type { UpstreamError } from "../protocol.ts";
import type { StreamDecoder, ToolNames } from "../translation.ts";
import { gluedCalls, namelessCall } from "../shared/whole-json.ts";
import { brokenEndOfChoice } from "./choice-error.ts";
import { readCall, readCitedPages, readHead, readSaid, type SaidFields } from "./answer-fields.ts";
import { learnDeltaShape, matchShape, type ChunkShape } from "./chunk-shape.ts";
import { firstChoice, parseImage } from "./parse-response.ts";
import { DetailsOfStream, markReasoning, type ReasoningField } from "./returned-reasoning.ts";
import { matchedStop, parseStopReason } from "./stop-reason.ts";
import { StreamCalls } from "./stream-calls.ts";
import { errorOf, parseChunk } from "./tap.ts";
import { findUsage } from "./usage.ts";

type TextType = "reasoning" | "text" | "refusal";

/**
 * Decodes a Chat stream (`ChatCompletionChunk` of the npm package `openai` 7.57, and the variants of compatible servers). Of several choices, the one
 * of index 0 is read. The block of a text ends when something else begins; calls end with the answer. The stop reason and the usage are emitted
 * together at `[DONE]`, or when the upstream ends after a finish reason; an end without a finish reason is an error.
 */
export class ChatStreamDecoder implements StreamDecoder {
  readonly #calls: StreamCalls;
  #id: string | undefined;
  #blocks = 0;
  #open: { readonly type: TextType; readonly index: number } | undefined;
  /** The field in which the server shows its reasoning. */
  #field: ReasoningField | undefined;
  readonly #details = new DetailsOfStream();
  /** Some of the reasoning came in that field alone. */
  #hasBareReasoning = false;
  #refused = false;
  /** Pages beside the choices; cited at the end, if no annotation names one. */
  #pages: readonly Citation[] = [];
  #cited = false;
  #reason: string | undefined;
  /** The error that the end is; reported when the usage behind it has been read. */
  #broken: StreamError | undefined;
  #usage: Usage | undefined;
  #shape: ChunkShape | undefined;
  #hasShapeFitted = false;
  /** The stop sequence that ended the answer. */
  #matched: string | undefined;
  #over = false;

  constructor(toolNames?: ToolNames) {
    this.#calls = new StreamCalls(toolNames);
  }

  push(event: SseEvent): readonly StreamEvent[] {
    const { data } = event;
    if (this.#over || data === "") return [];
    if (data.length < 16 && data.trim() === "[DONE]") return this.#finish();
    const delta = this.#shapedDelta(event);
    if (delta !== undefined) return this.#readDelta(delta);
    const chunk = parseChunk(data);
    const error = errorOf(event, chunk);
    if (error !== undefined) return this.#fail(streamErrorOf(error));
    if (chunk === undefined)
      return this.#fail({ status: 502, message: "The provider sent a chunk that is not JSON.", code: "upstream_invalid_response" });
    const usage = findUsage(chunk);
    if (usage !== undefined) this.#usage = mergeUsage(this.#usage, usage);
    const pages = readCitedPages(chunk);
    if (pages.length > 0) this.#pages = pages;
    const { choices } = chunk;
    const choice = firstChoice(choices);
    if (choice === undefined) return this.#broken !== undefined && usage !== undefined ? this.#finish() : [];
    const events = [...this.#start(chunk), ...this.#readDelta(choice["delta"] ?? choice["message"])];
    const reason = choice["finish_reason"];
    if (typeof reason === "string" && reason !== "") {
      this.#reason = reason;
      this.#matched = matchedStop(choice);
      this.#broken ??= brokenEndOfChoice(choice);
      if (this.#broken !== undefined && usage !== undefined) return [...events, ...this.#finish()];
    }
    // Such a chunk has only its delta.
    else if (usage === undefined && this.#blocks > 0 && Array.isArray(choices) && choices.length === 1) this.#learnShape(data);
    return events;
  }

  /** The delta of a chunk that is equal to an earlier one in everything else: only this part of it is parsed. */
  #shapedDelta({ name, data }: SseEvent): WireObject | undefined {
    if (this.#shape === undefined || name !== "") return undefined;
    const end = matchShape(this.#shape, data);
    if (end < 0) return undefined;
    this.#hasShapeFitted = true;
    return parseChunk(asBytes(data.slice(this.#shape.head.length, end)));
  }

  /** Some servers put the time into each chunk, so a shape fits for a second. If a shape never fits, every chunk has an id of its own. */
  #learnShape(data: string): void {
    if (this.#shape !== undefined && !this.#hasShapeFitted) return;
    this.#shape = learnDeltaShape(data);
    this.#hasShapeFitted = false;
  }

  end(): readonly StreamEvent[] {
    if (this.#over) return [];
    if (this.#reason !== undefined) return this.#finish();
    return this.#fail({
      status: 502,
      message: "The provider ended its stream before the answer was complete.",
      code: "upstream_truncated",
    });
  }

  #start(chunk: WireObject): readonly StreamEvent[] {
    if (this.#id !== undefined) return [];
    const head = readHead(chunk);
    this.#id = head.id;
    return [{ type: "message-start", ...head }];
  }

  #readDelta(delta: unknown): readonly StreamEvent[] {
    const said = readSaid(isObject(delta) ? delta : {});
    const events: StreamEvent[] = [];
    this.#reasoning(said, events);
    this.#text("text", said.text, events);
    this.#text("refusal", said.refusal, events);
    for (const citation of said.citations) events.push(...this.#cite(citation));
    for (const call of said.calls) events.push(...this.#call(call));
    for (const image of said.images) events.push(...this.#image(image));
    return events;
  }

  /** Entries may come without a text: an encrypted entry is a block too. */
  #reasoning({ reasoning, reasoningField, details }: SaidFields, events: StreamEvent[]): void {
    // Details behind reasoning that came without them repeat its text: another gateway adds them at the end of the reasoning.
    const isRepeated = reasoningField === undefined && this.#hasBareReasoning;
    if (reasoningField !== undefined) {
      this.#field ??= reasoningField;
      if (details.length === 0) this.#hasBareReasoning = true;
    }
    if (details.length > 0) {
      this.#openText("reasoning", events);
      this.#details.push(details);
    }
    if (!isRepeated) this.#text("reasoning", reasoning, events);
  }

  #text(type: TextType, text: string, events: StreamEvent[]): void {
    if (text === "") return;
    if (type === "refusal") this.#refused = true;
    events.push({ type: "block-delta", index: this.#openText(type, events), delta: { type: "text", text } });
  }

  #cite(citation: Citation): StreamEvent[] {
    if (this.#open?.type !== "text") return [];
    this.#cited = true;
    return [{ type: "block-delta", index: this.#open.index, delta: { type: "citation", citation } }];
  }

  /** Returns the index of the open block of a type; begins one if none is open. */
  #openText(type: TextType, events: StreamEvent[]): number {
    if (this.#open?.type === type) return this.#open.index;
    events.push(...this.#closeText());
    const index = this.#blocks++;
    this.#open = { type, index };
    events.push({ type: "block-start", index, block: { type } });
    return index;
  }

  #closeText(): StreamEvent[] {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return [];
    const end = { type: "block-end", index: open.index } as const;
    if (open.type !== "reasoning") return [end];
    const proof = markReasoning(this.#field, this.#details.take());
    return [{ type: "block-delta", index: open.index, delta: { type: "proof", proof } }, end];
  }

  #call(wire: WireObject): StreamEvent[] {
    const events = this.#calls.push(readCall(wire), this.#id ?? "", () => this.#blocks++);
    return events.some((event) => event.type === "block-start") ? [...this.#closeText(), ...events] : [...events];
  }

  /** Stream events have no block for pictures: an image keeps its wire form. */
  #image(image: WireObject): StreamEvent[] {
    const closed = this.#closeText();
    const index = this.#blocks++;
    const [media] = parseImage(image);
    const block = compact({ type: "opaque" as const, protocol: "openai-chat" as const, value: image, media });
    return [...closed, { type: "block-start", index, block }, { type: "block-end", index }];
  }

  #finish(): readonly StreamEvent[] {
    if (this.#broken !== undefined) return this.#fail(this.#broken);
    if (this.#id === undefined)
      return this.#fail({ status: 502, message: "The provider's stream ended without an answer.", code: "upstream_invalid_response" });
    if (this.#calls.nameless) return this.#fail(namelessCall);
    if (this.#calls.glued) return this.#fail(gluedCalls);
    const reason = parseStopReason(this.#reason, { calls: this.#calls.any, refusal: this.#refused });
    const stop = reason === "stop" && this.#matched !== undefined ? { stopSequence: this.#matched } : undefined;
    const events: StreamEvent[] = [
      ...(this.#cited ? [] : this.#pages.flatMap((page) => this.#cite(page))),
      ...this.#closeText(),
      ...this.#calls.end(),
      {
        type: "message-delta",
        stopReason: stop === undefined ? reason : "stop-sequence",
        ...stop,
        ...(this.#reason === undefined ? {} : { rawStopReason: this.#reason }),
        ...(this.#usage === undefined ? {} : { usage: this.#usage }),
      },
      { type: "message-end" },
    ];
    this.#over = true;
    return events;
  }

  #fail(error: StreamError): readonly StreamEvent[] {
    this.#over = true;
    const rawStopReason = this.#reason;
    return [{ type: "error", error, ...(rawStopReason === undefined ? {} : { end: compact({ usage: this.#usage, rawStopReason }) }) }];
  }
}

/** The names of parameters are of another protocol than the client's, so they are omitted. */
function streamErrorOf({ param: _param, ...error }: UpstreamError): StreamError {
  return error;
}
