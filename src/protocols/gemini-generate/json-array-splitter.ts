import { GatewayError, maxEventBytes, type SseEvent, asBytes, noBytes } from "../../core/index.ts";
import type { EventSplitter } from "../protocol.ts";

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/**
 * Splits a stream that is one JSON array of objects, `[{…},\r\n{…}]`, into its elements: `data` is the element, `raw` the element with the text
 * between the previous element and it. The closing bracket is an event without data. Input is pushed as latin1 strings, cut anywhere; all `raw`s
 * joined, with `pending`, are the input. A lone object (an error) counts as an element.
 */
export class JsonArraySplitter implements EventSplitter {
  #rest = "";
  /** Offset in `#rest` of the first character that is not read yet. */
  #at = 0;
  /** Offset in `#rest` where the open element begins; -1 between elements. */
  #start = -1;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #state: "before" | "inside" | "after" = "before";

  /** @throws GatewayError `upstream_invalid_response` if the input is not an array of objects, or an element is larger than `maxEventBytes`. */
  push(chunk: string): SseEvent[] {
    this.#rest += chunk;
    const events: SseEvent[] = [];
    const text = this.#rest;
    /** Offset of the first byte that belongs to no event yet. */
    let from = 0;
    let at = this.#at;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#inString) this.#inside(code);
      else if (this.#start < 0) this.#between(code, at);
      else if (this.#closes(code)) {
        events.push({ name: "", data: asBytes(text.slice(this.#start, at + 1)), raw: asBytes(text.slice(from, at + 1)) });
        from = at + 1;
        this.#start = -1;
      }
    }
    if (this.#state === "after" && from < at) {
      events.push({ name: "", data: noBytes, raw: asBytes(text.slice(from)) });
      from = at;
    }
    this.#rest = text.slice(from);
    this.#at = at - from;
    if (this.#start >= 0) this.#start -= from;
    if (this.#rest.length > maxEventBytes) {
      throw new GatewayError("upstream_invalid_response", `The provider sent a stream element of more than ${maxEventBytes} bytes.`);
    }
    return events;
  }

  /** Bytes received that belong to no complete element yet. */
  get pending(): string {
    return this.#rest;
  }

  /** Ends the input. An incomplete element is not an event, so the elements sent before remain well-formed. */
  end(): SseEvent[] {
    return [];
  }

  /** Reads a character of a string. */
  #inside(code: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (code === backslash) this.#escaped = true;
    else if (code === quote) this.#inString = false;
  }

  /** Reads a character of an element, outside strings. Returns whether it is the element's last. */
  #closes(code: number): boolean {
    if (code === quote) this.#inString = true;
    else if (code === openBrace || code === openBracket) this.#depth++;
    else if (code === closeBrace || code === closeBracket) this.#depth--;
    if (this.#depth > 0) return false;
    if (this.#state === "before") this.#state = "after";
    return true;
  }

  /** Reads a character between elements. */
  #between(code: number, at: number): void {
    if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) return;
    if (this.#state === "before" && code === openBracket) this.#state = "inside";
    else if (this.#state === "inside" && code === closeBracket) this.#state = "after";
    else if (this.#state !== "after" && code === openBrace) {
      this.#start = at;
      this.#depth = 1;
    } else if (this.#state !== "inside" || code !== comma) {
      throw new GatewayError("upstream_invalid_response", "The provider's stream is not a JSON array of objects.");
    }
  }
}
