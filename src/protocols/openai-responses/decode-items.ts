import { objectsOf } from "../shared/fields.ts";
import type { StreamEvent } from "../../ir/index.ts";
import type { WireObject } from "../shared/fields.ts";
import { restoreArguments, type RestoredCall } from "../shared/restore-tool.ts";
import type { UpstreamError } from "../protocol.ts";
import { readAnnotation } from "../shared/web-search.ts";
import { gluedCalls, isGluedJson, namelessCall } from "../shared/whole-json.ts";
import { argumentsOf, partText, partType, readReasoning, textOf } from "./answer-items.ts";

/** An item of a stream while its deltas come. Each method returns the events for the change. */
export interface DecodedItem {
  /** A piece of a part's text, of the reasoning or of the arguments. */
  delta(event: WireObject, text: string): StreamEvent[];
  /** The whole text of a part, of the reasoning or of the arguments: what its deltas did not contain is emitted now. */
  whole(event: WireObject, text: string): StreamEvent[];
  /** A part as it begins or ends. */
  part(event: WireObject, part: WireObject, ended: boolean): StreamEvent[];
  /** The whole item: what its deltas did not contain is emitted now. */
  done(item: WireObject): StreamEvent[];
  /** What is wrong with it, once it is done. */
  readonly fault?: UpstreamError | undefined;
}

/** Returns the next index of a block, in order of start. */
export type NextIndex = () => number;

interface OpenText {
  readonly index: number;
  text: string;
  ended: boolean;
}

interface OpenPart extends OpenText {
  /** The number of annotations that have been read. */
  annotations: number;
}

function emitText(block: OpenText, text: string, type: "text" | "arguments" = "text"): StreamEvent[] {
  if (text === "") return [];
  block.text += text;
  return [{ type: "block-delta", index: block.index, delta: { type, text } }];
}

/** The part of the whole text that is not emitted yet; nothing if the deltas had another text, as that has been sent. */
function restOf(block: OpenText, whole: string): string {
  return whole.startsWith(block.text) ? whole.slice(block.text.length) : "";
}

function end(block: OpenText): StreamEvent[] {
  if (block.ended) return [];
  block.ended = true;
  return [{ type: "block-end", index: block.index }];
}

/** A message: each part is a block. */
export class DecodedMessage implements DecodedItem {
  readonly #next: NextIndex;
  readonly #parts = new Map<number, OpenPart>();

  constructor(next: NextIndex) {
    this.#next = next;
  }

  delta(event: WireObject, text: string): StreamEvent[] {
    const { events, block } = this.#open(partIndex(event), event["type"] === "response.refusal.delta" ? "refusal" : "text");
    return block.ended ? [] : [...events, ...emitText(block, text)];
  }

  whole(event: WireObject, text: string): StreamEvent[] {
    const isRefusal = event["type"] === "response.refusal.done";
    return this.#emitPart(partIndex(event), isRefusal ? { type: "refusal", refusal: text } : { type: "output_text", text }, false);
  }

  part(event: WireObject, part: WireObject, ended: boolean): StreamEvent[] {
    return this.#emitPart(partIndex(event), part, ended);
  }

  done(item: WireObject): StreamEvent[] {
    const rest = objectsOf(item["content"]).flatMap((part, index) => this.#emitPart(index, part, true));
    return [...rest, ...[...this.#parts.values()].flatMap(end)];
  }

  #emitPart(index: number, part: WireObject, ended: boolean): StreamEvent[] {
    const type = partType(part);
    if (type === undefined) return [];
    const { events, block } = this.#open(index, type);
    if (block.ended) return [];
    const text = emitText(block, restOf(block, partText(part)));
    if (!ended) return [...events, ...text];
    // Annotations that came as events of their own are the first of the list.
    const annotations: readonly unknown[] = Array.isArray(part["annotations"]) ? part["annotations"].slice(block.annotations) : [];
    return [...events, ...text, ...annotations.flatMap((annotation) => citationEvents(block, annotation)), ...end(block)];
  }

  /** An annotation of a part's text. */
  annotation(event: WireObject): StreamEvent[] {
    const { events, block } = this.#open(partIndex(event), "text");
    if (block.ended) return [];
    block.annotations++;
    return [...events, ...citationEvents(block, event["annotation"])];
  }

  #open(index: number, type: "text" | "refusal"): { readonly events: StreamEvent[]; readonly block: OpenPart } {
    const known = this.#parts.get(index);
    if (known !== undefined) return { events: [], block: known };
    const block: OpenPart = { index: this.#next(), text: "", ended: false, annotations: 0 };
    this.#parts.set(index, block);
    return { events: [{ type: "block-start", index: block.index, block: { type } }], block };
  }
}

function citationEvents({ index }: OpenPart, annotation: unknown): StreamEvent[] {
  const citation = readAnnotation(annotation);
  return citation === undefined ? [] : [{ type: "block-delta", index, delta: { type: "citation", citation } }];
}

function partIndex(event: WireObject): number {
  return typeof event["content_index"] === "number" ? event["content_index"] : 0;
}

/** Reasoning: the parts of its summary are paragraphs of one text. If a server streams the reasoning itself, its summary is not needed. */
export class DecodedReasoning implements DecodedItem {
  readonly #block: OpenText;
  readonly #started: StreamEvent;
  #source: "summary" | "content" | undefined;
  #part: unknown;

  constructor(item: WireObject, next: NextIndex) {
    this.#block = { index: next(), text: "", ended: false };
    this.#started = { type: "block-start", index: this.#block.index, block: readReasoning(item).start };
  }

  get started(): StreamEvent {
    return this.#started;
  }

  delta(event: WireObject, text: string): StreamEvent[] {
    if (text === "" || this.#block.ended) return [];
    const source = textOf(event["type"]).startsWith("response.reasoning_text.") ? "content" : "summary";
    if ((this.#source ??= source) !== source) return [];
    const isNext = source === "summary" && this.#part !== undefined && this.#part !== event["summary_index"];
    this.#part = event["summary_index"] ?? 0;
    return emitText(this.#block, (isNext ? "\n\n" : "") + text);
  }

  /** A paragraph of which no delta came. */
  whole(event: WireObject, text: string): StreamEvent[] {
    return this.#part === (event["summary_index"] ?? 0) ? [] : this.delta(event, text);
  }

  part(): StreamEvent[] {
    return [];
  }

  done(item: WireObject): StreamEvent[] {
    if (this.#block.ended) return [];
    const { text, proof } = readReasoning(item);
    const events = emitText(this.#block, restOf(this.#block, text));
    const { index } = this.#block;
    if (proof !== undefined) events.push({ type: "block-delta", index, delta: { type: "proof", proof } });
    return [...events, ...end(this.#block)];
  }
}

/** A call. If the client's tool takes free text that is wrapped, its input is emitted when it is complete. */
export class DecodedCall implements DecodedItem {
  readonly #call: RestoredCall;
  readonly #block: OpenText;
  #buffered = "";
  fault: UpstreamError | undefined;

  constructor(call: RestoredCall, next: NextIndex) {
    this.#call = call;
    this.#block = { index: next(), text: "", ended: false };
    if (call.start.name === "") this.fault = namelessCall;
  }

  get started(): StreamEvent {
    return { type: "block-start", index: this.#block.index, block: this.#call.start };
  }

  delta(_event: WireObject, text: string): StreamEvent[] {
    if (this.#block.ended) return [];
    this.#buffered += text;
    return this.#call.wrapped ? [] : emitText(this.#block, text, "arguments");
  }

  whole(_event: WireObject, text: string): StreamEvent[] {
    if (this.#block.ended || text === "") return [];
    this.#buffered = text;
    return this.#call.wrapped ? [] : emitText(this.#block, restOf(this.#block, text), "arguments");
  }

  part(): StreamEvent[] {
    return [];
  }

  done(item: WireObject): StreamEvent[] {
    if (this.#block.ended) return [];
    const text = argumentsOf(item) || this.#buffered;
    const isJson = this.#call.start.kind === "function" || this.#call.wrapped;
    if (isJson && (isGluedJson(text) || isGluedJson(this.#block.text))) this.fault ??= gluedCalls;
    const whole = restoreArguments(this.#call, text);
    return [...emitText(this.#block, restOf(this.#block, whole), "arguments"), ...end(this.#block)];
  }
}
