import { parseLatin1, type SseEvent, type Bytes, noBytes, asBytes } from "../../core/index.ts";
import { mergeUsage, type Units } from "../../ir/index.ts";
import { brokenEnd, isBrokenEnd } from "../shared/broken-end.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { AnswerFacts, StreamTap, UpstreamError } from "../protocol.ts";
import { PassedText } from "../shared/text-bytes.ts";
import { isContent, isFilteredAway } from "./stop-reason.ts";
import { readErrorChunk } from "./errors.ts";
import { hasToolCalls, mostCalls, noUsage, readToolCalls, readUsage, withToolCalls } from "./usage.ts";

/**
 * Watches a stream of chunks that passes through as bytes, as SSE or as elements of a JSON array. There is no terminal event: chunks after the one
 * with the finish reason may still have usage, so `ended` is always false, and the answer is complete when the upstream closes after `finished`.
 *
 * Every chunk has the usage so far, so a chunk of only content is not parsed: the latest one is kept, and it is read when the facts are needed.
 */
export class GeminiTap implements StreamTap {
  readonly ended = false;
  opened = false;
  finished = false;
  error: UpstreamError | undefined;
  readonly #text = new PassedText();
  readonly #facts: AnswerFacts = {};
  /** Calls of Google's own tools. */
  #calls: Units | undefined;
  /** The latest chunk of only content that has a count. */
  #unread = noBytes;
  /** `open` between the brackets of an array; `none` for SSE, and when the array is closed. */
  #array: "none" | "open" = "none";

  get facts(): AnswerFacts {
    this.#readUnread();
    return this.#facts;
  }

  get textBytes(): number {
    return this.#text.bytes;
  }

  get textSample(): Bytes {
    return this.#text.sample;
  }

  push(event: SseEvent): Bytes {
    const { data, raw } = event;
    if (data === "") {
      if (this.#array === "open" && raw.includes("]")) this.#array = "none";
      return raw;
    }
    if (!this.opened && raw.trimStart().startsWith("[")) this.#array = "open";
    this.#text.addOf(data, "text");
    if (!this.#isPlain(data)) this.#read(data);
    else if (data.indexOf('usageMetadata"') >= 0) this.#unread = data;
    return raw;
  }

  /** The closing bracket, if an array that contains the whole answer lacks only that. */
  completion(): Bytes {
    return this.finished && this.#array === "open" ? asBytes("\n]\n") : noBytes;
  }

  /**
   * Whether a chunk has only content and a count that the next chunk replaces. The keys are searched without their first quote, which is up to ten
   * times cheaper, as quotes are frequent; a text that ends in one of the words is parsed without need.
   */
  #isPlain(data: string): boolean {
    return this.opened && !this.finished && data.indexOf('finishReason"') < 0 && data.indexOf('error"') < 0 && !hasToolCalls(data);
  }

  #read(data: Bytes): void {
    const chunk = parseChunk(data);
    if (chunk === undefined) return;
    this.error = readErrorChunk(chunk);
    this.#readUnread();
    this.#readFacts(chunk);
    this.#readContent(chunk);
  }

  /** Reads the kept chunk before a newer one. */
  #readUnread(): void {
    if (this.#unread === "") return;
    const chunk = parseChunk(this.#unread);
    this.#unread = noBytes;
    if (chunk !== undefined) this.#readFacts(chunk);
  }

  #readFacts(chunk: WireObject): void {
    const usage = readUsage(chunk["usageMetadata"]);
    if (usage !== undefined) this.#facts.usage = mergeUsage(this.#facts.usage, usage);
    const calls = readToolCalls(chunk["candidates"]);
    if (calls !== undefined) this.#calls = mostCalls(this.#calls, calls);
    if (this.#calls !== undefined) this.#facts.usage = withToolCalls(this.#facts.usage, this.#calls)!;
    if (typeof chunk["modelVersion"] === "string") this.#facts.model = chunk["modelVersion"];
    if (typeof chunk["responseId"] === "string") this.#facts.id = chunk["responseId"];
  }

  #readContent(chunk: WireObject): void {
    const feedback = chunk["promptFeedback"];
    if (isObject(feedback)) {
      const isBegun = this.opened;
      this.#finish(feedback["blockReason"]);
      if (this.finished) this.#facts.usage ??= noUsage;
      if (this.finished && !isBegun) this.#facts.isBlocked = true;
    }
    const candidates = chunk["candidates"];
    if (!Array.isArray(candidates)) return;
    if (!this.opened && candidates.length > 0 && candidates.every(isFilteredAway)) this.#facts.isBlocked = true;
    for (const candidate of candidates as readonly unknown[]) {
      if (!isObject(candidate)) continue;
      const content = candidate["content"];
      const parts = isObject(content) ? content["parts"] : undefined;
      if (Array.isArray(parts) && parts.some(isContent)) this.opened = true;
      this.#finish(candidate["finishReason"], candidate["finishMessage"]);
    }
  }

  #finish(reason: unknown, message?: unknown): void {
    if (typeof reason !== "string" || reason.endsWith("_UNSPECIFIED")) return;
    if (isBrokenEnd(reason)) this.#facts.broken ??= brokenEnd(reason, message);
    this.#facts.stopReason = reason;
    this.finished = true;
    this.opened = true;
  }
}

function parseChunk(data: Bytes): WireObject | undefined {
  try {
    const chunk = parseLatin1(data);
    return isObject(chunk) ? chunk : undefined;
  } catch {
    return undefined; // Not a chunk of this protocol: it is passed on to the client.
  }
}
