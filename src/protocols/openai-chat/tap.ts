import { utf8OfLatin1, type SseEvent, type Bytes, noBytes, asBytes } from "../../core/index.ts";
import { mergeUsage } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { jsonObject } from "../shared/json-text.ts";
import { readErrorObject } from "../openai-shared/errors.ts";
import { isError } from "../shared/answered-error.ts";
import type { AnswerFacts, StreamTap, UpstreamError } from "../protocol.ts";
import { PassedText } from "../shared/text-bytes.ts";
import { brokenEndOfChoice, errorOfChoices } from "./choice-error.ts";
import { learnShape, matchShape, type ChunkShape } from "./chunk-shape.ts";
import { withoutNullUsage } from "./hide-usage.ts";
import { findUsage } from "./usage.ts";

/**
 * Watches a Chat stream that passes through as bytes. Chunks are parsed, except those that differ from an earlier one only in their piece of content.
 * With `hideUsage`, the usage chunk is removed, and the `"usage":null` in the other chunks: the client did not ask for them.
 */
export class ChatTap implements StreamTap {
  readonly facts: AnswerFacts = {};
  opened = false;
  ended = false;
  error: UpstreamError | undefined;
  readonly #text = new PassedText();
  readonly #hideUsage: boolean;
  /** The choices seen (`n` may be above 1), and whether each has had its finish reason. */
  readonly #choices = new Map<number, boolean>();
  /** The error that the end of a choice is; reported when the usage behind it has been read. */
  #broken: UpstreamError | undefined;
  #shape: ChunkShape | undefined;

  constructor(options: { readonly hideUsage: boolean }) {
    this.#hideUsage = options.hideUsage;
  }

  get finished(): boolean {
    return this.#choices.size > 0 && [...this.#choices.values()].every(Boolean);
  }

  get textBytes(): number {
    return this.#text.bytes;
  }

  get textSample(): Bytes {
    return this.#text.sample;
  }

  push(event: SseEvent): Bytes {
    if (this.ended || this.error !== undefined) return noBytes;
    const { data, name, raw } = event;
    if (data === "") return raw;
    if (data.length < 16 && data.trim() === "[DONE]") {
      if (this.#broken !== undefined) return this.#break();
      this.ended = true;
      this.opened = true;
      return raw;
    }
    if (this.#shape !== undefined && name === "") {
      const end = matchShape(this.#shape, data);
      if (end >= 0) addDelta(this.#text, data, this.#shape.head.length, end);
      if (end >= 0) return this.#hideUsage ? cutShaped(event, this.#shape, end) : raw;
    }
    return this.#read(event);
  }

  completion(): Bytes {
    if (this.#broken !== undefined) return this.#break();
    return this.finished && !this.ended ? asBytes("data: [DONE]\n\n") : noBytes;
  }

  #break(): Bytes {
    this.error = this.#broken;
    return noBytes;
  }

  #read(event: SseEvent): Bytes {
    const chunk = parseChunk(event.data);
    this.error = errorOf(event, chunk);
    if (this.error !== undefined) return noBytes;
    if (chunk === undefined) return event.raw;
    const { id, model, choices, usage } = chunk;
    if (typeof id === "string" && id !== "") this.facts.id ??= id;
    if (typeof model === "string" && model !== "") this.facts.model ??= model;
    const reported = findUsage(chunk);
    if (reported !== undefined) this.facts.usage = mergeUsage(this.facts.usage, reported);
    let ends = false;
    if (Array.isArray(choices)) for (const choice of choices) ends = this.#readChoice(choice) || ends;
    if (this.#broken !== undefined) return reported === undefined ? noBytes : this.#break();
    // A chunk of a known shape is not read. So a chunk that has more than content gives no shape: its repetition has to be read, as the facts may
    // have changed in between.
    if (this.opened && !ends && reported === undefined) this.#shape ??= learnShape(event.data);
    if (!this.#hideUsage) return event.raw;
    return isObject(usage) && Array.isArray(choices) && choices.length === 0 ? noBytes : withoutNullUsage(event);
  }

  /** `true`: the choice ends with this chunk. */
  #readChoice(choice: unknown): boolean {
    if (!isObject(choice)) return false;
    const index = typeof choice["index"] === "number" ? choice["index"] : 0;
    const reason = choice["finish_reason"];
    const ends = typeof reason === "string" && reason !== "";
    this.#choices.set(index, ends || this.#choices.get(index) === true);
    if (ends) this.facts.stopReason = reason;
    if (reason === "content_filter" && !this.opened && this.finished && !hasContent(choice["delta"])) this.facts.isBlocked = true;
    if (ends) this.#broken ??= brokenEndOfChoice(choice);
    const delta = choice["delta"];
    if (isObject(delta)) addParsedDelta(this.#text, delta);
    // The head waits for the usage behind a broken end, so that its error has a status.
    if ((ends && this.#broken === undefined) || hasContent(delta)) this.opened = true;
    return ends;
  }
}

/** The texts and arguments in a parsed delta. */
function addParsedDelta(passed: PassedText, delta: WireObject): void {
  for (const [key, value] of Object.entries(delta)) {
    if (typeof value === "string" && key !== "role") passed.addParsed(value);
    if (!Array.isArray(value)) continue;
    for (const item of value as readonly unknown[]) {
      const call = isObject(item) ? item["function"] : undefined;
      if (isObject(call) && typeof call["arguments"] === "string") passed.addParsed(call["arguments"]);
    }
  }
}

const contentKey = '{"content":"';

/** The text in the delta of a chunk of a known shape, which begins at `start`. */
function addDelta(passed: PassedText, data: string, start: number, end: number): void {
  // The common delta has nothing else. The two characters distinguish `{"content":` from `{"tool_calls":`.
  const isContent = data.charCodeAt(start + 2) === 0x63 && data.charCodeAt(start + contentKey.length - 1) === 0x22;
  if (isContent) passed.add(data, start + contentKey.length, end - 2);
  else passed.addLast(data, end);
}

/** The event of a known shape without its `"usage":null`; `end` is the offset after the value of `delta` in its data. */
function cutShaped(event: SseEvent, { tail, cutTail }: ChunkShape, end: number): Bytes {
  const { raw, data } = event;
  // The common framing, `data: …` and two line feeds, shifts all offsets by six.
  if (cutTail === undefined || raw.length !== data.length + 8 || raw.slice(0, 6) !== "data: ") return withoutNullUsage(event);
  return asBytes(raw.slice(0, end + 6) + cutTail + raw.slice(end + 6 + tail.length));
}

/** Parses a chunk; `undefined` if it is not an object: then it is not a chunk of this protocol, and it is passed on to the client. */
export function parseChunk(data: Bytes): WireObject | undefined {
  return jsonObject(utf8OfLatin1(data));
}

/**
 * An error in place of a chunk: `data: {"error":{…}}`, an event with that name, or an error in one of its choices. `"error":null` is not an error.
 */
export function errorOf(event: SseEvent, chunk: WireObject | undefined): UpstreamError | undefined {
  if (event.name !== "error" && !isError(chunk?.["error"])) return errorOfChoices(chunk?.["choices"]);
  return readErrorObject(chunk) ?? { status: 500, message: "The provider ended its stream with an error without a message." };
}

/** A delta has content if any field but its role has: text, reasoning, a refusal, tool calls, audio, or a field that a vendor adds. */
function hasContent(delta: unknown): boolean {
  if (!isObject(delta)) return false;
  return Object.entries(delta).some(([key, value]) => key !== "role" && isSomething(value));
}

function isSomething(value: unknown): boolean {
  if (value === null || value === undefined || value === "" || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || Object.keys(value).length > 0;
}
