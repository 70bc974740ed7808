import {
  parseLatin1,
  readString,
  scanDocument,
  utf8OfLatin1,
  type Span,
  type SseEvent,
  type Bytes,
  noBytes,
  asBytes,
} from "../../core/index.ts";
import { isError, isErrorAt } from "../shared/answered-error.ts";
import { brokenEnd, isBrokenEnd } from "../shared/broken-end.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { AnswerFacts, StreamTap, UpstreamError } from "../protocol.ts";
import { PassedText } from "../shared/text-bytes.ts";
import { parseStreamError } from "./errors.ts";
import { mergeCounts, usageOfCounts, type WireCounts } from "./usage.ts";

const messageStop = asBytes('event: message_stop\ndata: {"type":"message_stop"}\n\n');

const eventTypes: ReadonlySet<string> = new Set([
  "message_start",
  "message_delta",
  "message_stop",
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "ping",
  "error",
]);

/**
 * Watches a Messages stream that passes through as bytes. Nothing is hidden or changed. Only `message_start`, `message_delta`, `error` and the block
 * that opens the answer are parsed; an event that cannot be parsed is passed to the client.
 */
export class AnthropicTap implements StreamTap {
  readonly facts: AnswerFacts = {};
  opened = false;
  ended = false;
  finished = false;
  error: UpstreamError | undefined;
  readonly #text = new PassedText();
  #counts: WireCounts = {};

  get textBytes(): number {
    return this.#text.bytes;
  }

  get textSample(): Bytes {
    return this.#text.sample;
  }

  push(event: SseEvent): Bytes {
    // Data after the end is not part of the answer.
    if (this.ended) return noBytes;
    const type = eventTypes.has(event.name) ? event.name : typeOfData(event.data);
    switch (type) {
      case "content_block_delta":
        this.opened = true;
        // A signature is long, and it is not billed.
        if (event.data.length < 300 || !event.data.includes('signature_delta"')) this.#text.addLast(event.data);
        break;
      case "content_block_start":
        if (!this.opened) this.opened = isOpening(event.data);
        break;
      case "message_start":
        this.#readStart(event.data);
        break;
      case "message_delta":
        this.#readDelta(event.data);
        break;
      case "message_stop":
        this.ended = true;
        this.opened = true;
        break;
      case "error":
        this.error = parseStreamError(utf8OfLatin1(event.data));
        break;
      default:
        // Some servers send an error in place of an event, without a type.
        if (isErrorAt(event.data, errorOf(event.data))) this.error = parseStreamError(utf8OfLatin1(event.data));
        break;
    }
    return event.raw;
  }

  completion(): Bytes {
    return this.finished && !this.ended ? messageStop : noBytes;
  }

  #readStart(data: Bytes): void {
    const message = field(parseEvent(data), "message");
    if (message === undefined) return;
    if (typeof message["model"] === "string") this.facts.model = message["model"];
    if (typeof message["id"] === "string") this.facts.id = message["id"];
    this.#readUsage(message["usage"]);
  }

  #readDelta(data: Bytes): void {
    const event = parseEvent(data);
    this.#readUsage(event?.["usage"]);
    const reason = field(event, "delta")?.["stop_reason"];
    if (isError(event?.["error"])) this.error = parseStreamError(utf8OfLatin1(data));
    if (typeof reason !== "string") return;
    if (isBrokenEnd(reason)) this.error ??= brokenEnd(reason);
    this.facts.stopReason = reason;
    if (reason === "refusal" && !this.opened) this.facts.isBlocked = true;
    this.finished = true;
    this.opened ||= this.error === undefined;
  }

  #readUsage(wire: unknown): void {
    this.#counts = mergeCounts(this.#counts, wire);
    const usage = usageOfCounts(this.#counts);
    if (usage !== undefined) this.facts.usage = usage;
  }
}

/** Some servers of this protocol send no `event:` lines, or lines of their own. */
function typeOfData(data: string): string | undefined {
  if (data === "") return undefined;
  try {
    return readString(data, scanDocument(data, ["type"]).spans[0]);
  } catch {
    return undefined; // Not an event of this protocol: it is passed on to the client.
  }
}

/** The place of the field `error`; for most events, one search shows that there is no such field. */
function errorOf(data: string): Span | undefined {
  if (!data.includes('error"')) return undefined;
  try {
    return scanDocument(data, ["error"]).spans[0];
  } catch {
    return undefined; // As above.
  }
}

/** An empty text block opens the answer only with its first delta; any other block is content itself. */
function isOpening(data: Bytes): boolean {
  const block = field(parseEvent(data), "content_block");
  if (block === undefined) return false;
  if (block["type"] === "text") return block["text"] !== "";
  // A thinking block whose text is omitted has no deltas for a long time, so its start opens the answer.
  return typeof block["type"] === "string";
}

function parseEvent(data: Bytes): WireObject | undefined {
  try {
    const event = parseLatin1(data);
    return isObject(event) ? event : undefined;
  } catch {
    return undefined; // As above.
  }
}

function field(object: WireObject | undefined, key: string): WireObject | undefined {
  const value = object?.[key];
  return isObject(value) ? value : undefined;
}
