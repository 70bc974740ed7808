import { parseLatin1, readString, scanDocument, type SseEvent, type Bytes, noBytes } from "../../core/index.ts";
import { isError } from "../shared/answered-error.ts";
import { isBrokenEnd } from "../shared/broken-end.ts";
import { isObject, restOf } from "../shared/fields.ts";
import { readErrorObject } from "../openai-shared/errors.ts";
import type { AnswerFacts, StreamTap, UpstreamError } from "../protocol.ts";
import { PassedText } from "../shared/text-bytes.ts";
import { brokenResponse } from "./answer-end.ts";
import { readResponseFacts } from "./read-answer.ts";

/** Events before the first content. A reasoning item is content: if the reasoning is hidden, no other event comes for a long time. */
const openingTypes: ReadonlySet<string> = new Set([
  "response.created",
  "response.queued",
  "response.in_progress",
  "response.content_part.added",
  "keepalive",
]);

/**
 * Watches a Responses stream that passes through as bytes. Nothing is hidden or changed. Only the first event with the response and the terminal
 * events are scanned; an event that cannot be read is passed on to the client.
 */
export class ResponsesTap implements StreamTap {
  readonly #facts: AnswerFacts = {};
  opened = false;
  ended = false;
  error: UpstreamError | undefined;
  readonly #text = new PassedText();
  #last = noBytes;

  /** Includes the number of the last event, which is read only when the facts are needed. */
  get facts(): AnswerFacts {
    const sequence = sequenceOf(this.#last);
    if (sequence !== undefined) this.#facts.sequence = sequence;
    return this.#facts;
  }

  get finished(): boolean {
    return this.ended;
  }

  get textBytes(): number {
    return this.#text.bytes;
  }

  get textSample(): Bytes {
    return this.#text.sample;
  }

  push(event: SseEvent): Bytes {
    if (this.ended || this.error !== undefined) return noBytes;
    const { data, raw } = event;
    if (data === "") return raw;
    const type = event.name === "" ? typeOf(data) : event.name;
    this.#last = data;
    switch (type) {
      case "response.created":
      case "response.queued":
      case "response.in_progress":
        if (this.#facts.id === undefined) this.#readResponse(data);
        return raw;
      case "response.completed":
      case "response.incomplete":
        this.#readResponse(data);
        this.error = this.#brokenIn(data);
        if (this.#facts.stopReason === "content_filter" && !this.opened) this.#facts.isBlocked = true;
        this.ended = true;
        this.opened ||= this.error === undefined;
        return this.error === undefined ? raw : noBytes;
      case "response.failed":
        this.#readResponse(data);
        this.error = failureOf(data);
        return noBytes;
      case "error":
        this.error = errorOf(data);
        return noBytes;
      default:
        // Some servers send an error in place of an event, without a type.
        if (!type.startsWith("response.") && hasError(data)) {
          this.error = errorOf(data);
          return noBytes;
        }
        if (!this.opened) this.opened = opens(type, data);
        if (type.endsWith(".delta")) this.#text.addOf(data, "delta");
        return raw;
    }
  }

  completion(): Bytes {
    return noBytes;
  }

  /** The error that a response is although its event says that it is complete; of most events one search says that there is none. */
  #brokenIn(data: Bytes): UpstreamError | undefined {
    const { stopReason = "completed" } = this.#facts;
    if (!data.includes('error":{') && !isBrokenEnd(stopReason)) return undefined;
    const event = parseEvent(data);
    return isObject(event) && isObject(event["response"]) ? brokenResponse(event["response"]) : undefined;
  }

  #readResponse(data: Bytes): void {
    try {
      const response = scanDocument(data, ["response"]).spans[0];
      if (response !== undefined && data.startsWith("{", response.start))
        Object.assign(this.#facts, readResponseFacts(data, response.start));
    } catch {
      return; // Half an event, or a repeated key: it is passed on to the client, and the ledger has what was read before.
    }
  }
}

function typeOf(data: Bytes): string {
  const head = '{"type":"';
  if (data.startsWith(head)) return data.slice(head.length, data.indexOf('"', head.length));
  try {
    return readString(data, scanDocument(data, ["type"]).spans[0]) ?? "";
  } catch {
    return ""; // `[DONE]`, which some compatible servers add, or an event of another protocol.
  }
}

function hasError(data: Bytes): boolean {
  if (!data.includes('error"')) return false;
  const event = parseEvent(data);
  return isObject(event) && isError(event["error"]);
}

function opens(type: string, data: Bytes): boolean {
  if (!type.startsWith("response.") || openingTypes.has(type)) return false;
  if (type !== "response.output_item.added") return true;
  const event = parseEvent(data);
  const item = isObject(event) ? event["item"] : undefined;
  // An empty message is not content yet; any other item is.
  return isObject(item) && item["type"] !== "message";
}

function sequenceOf(data: Bytes): number | undefined {
  const found = /"sequence_number":\s*(\d{1,15})\b/.exec(data);
  return found === null ? undefined : Number(found[1]);
}

const silent: UpstreamError = { status: 500, message: "The provider ended its stream with an error without a message." };

const eventFields: ReadonlySet<string> = new Set(["type", "sequence_number"]);

/** Reads `{"type":"error","code","message","param"}`, or an event with an `error` object that has a type of its own. */
export function errorOf(data: Bytes): UpstreamError {
  const event = parseEvent(data);
  return (isObject(event) ? readErrorObject(restOf(event, eventFields)) : undefined) ?? silent;
}

/** Reads the error in the response of `response.failed`. */
export function failureOf(data: Bytes): UpstreamError {
  const event = parseEvent(data);
  const response = isObject(event) ? event["response"] : undefined;
  return (isObject(response) ? readErrorObject({ error: response["error"] }) : undefined) ?? silent;
}

function parseEvent(data: Bytes): unknown {
  try {
    return parseLatin1(data);
  } catch {
    return undefined; // It is an error all the same, without a message.
  }
}
