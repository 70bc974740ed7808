import { GatewayError } from "./errors.ts";
import { latin1OfUtf8 } from "./json-scan.ts";

/** One server-sent event. All strings are latin1 strings of the received bytes; turn `data` into text with `utf8OfLatin1`. */
export interface SseEvent {
  /** The `event:` field, or "". */
  readonly name: string;
  /** The `data:` lines joined by a line feed; "" where there was none (a comment, a lone `event:`). */
  readonly data: string;
  /** The bytes as received, with the blank line that ends the event. */
  readonly raw: string;
}

/** The bytes of an event with other data (latin1); all else stays as it is. */
export function replaceData({ name, data, raw }: SseEvent, other: string): string {
  const at = raw.indexOf(data);
  if (at >= 0) return raw.slice(0, at) + other + raw.slice(at + data.length);
  // The data came in several lines.
  return `${name === "" ? "" : `event: ${name}\n`}${other.replaceAll(/^/gm, "data: ")}\n\n`;
}

/** An event may be this long, in bytes, before the stream is given up. */
export const maxEventBytes = 4 * 1024 * 1024;

/**
 * Splits a byte stream into server-sent events (WHATWG HTML, section 9.2.6: lines end in LF, CR or CRLF; one leading BOM is dropped).
 * A push machine: give it latin1 strings cut anywhere, take the complete events. The result does not depend on where the input was cut.
 */
export class SseSplitter {
  #rest = "";
  /** Offset in `#rest` from which no event end has been looked for yet. */
  #scanned = 0;
  #started = false;

  /** @throws GatewayError `upstream_invalid_response` when an event grows past `maxEventBytes`. */
  push(chunk: string): SseEvent[] {
    if (chunk.length === 0) return [];
    let text = this.#rest.length === 0 ? chunk : this.#rest + chunk;
    if (!this.#started) {
      // A BOM is three bytes in latin1; wait until it can be told.
      if (text.length < 3 && "\u00ef\u00bb\u00bf".startsWith(text)) {
        this.#rest = text;
        return [];
      }
      this.#started = true;
      if (text.startsWith("\u00ef\u00bb\u00bf")) text = text.slice(3);
    }
    const events: SseEvent[] = [];
    let start = 0;
    let from = this.#scanned;
    const hasCr = text.indexOf("\r", from) >= 0;
    let lf = text.indexOf("\n\n", from);
    for (;;) {
      // Searched for again only behind the last one: else every event of a text with CRLF would be a search of all the text.
      if (lf >= 0 && lf < from) lf = text.indexOf("\n\n", from);
      const end = findEventEnd(text, from, lf, hasCr);
      if (end < 0) break;
      events.push(parseEvent(text.slice(start, end)));
      start = end;
      from = end;
    }
    this.#rest = start === 0 ? text : text.slice(start);
    // An end is at most four bytes, so look again at the last three.
    this.#scanned = Math.max(0, this.#rest.length - 3);
    if (this.#rest.length > maxEventBytes) {
      throw new GatewayError("upstream_invalid_response", `The provider sent a stream event of more than ${maxEventBytes} bytes.`);
    }
    return events;
  }

  /** Bytes received that belong to no complete event yet. */
  get pending(): string {
    return this.#rest;
  }

  /** The stream is over: a last event that lacks only its blank line counts, as servers forget it. */
  end(): SseEvent[] {
    const rest = this.#rest;
    this.#rest = "";
    this.#scanned = 0;
    if (rest.trim() === "") return [];
    const event = parseEvent(rest);
    return [{ ...event, raw: `${rest.replace(/[\r\n]*$/, "")}\n\n` }];
  }
}

/**
 * Offset after the first blank line at or after `from`, or -1. A CR at the very end may be half a CRLF: wait for what follows. `lf`: offset of the first two
 * line feeds at or after `from`, or -1.
 */
function findEventEnd(text: string, from: number, lf: number, hasCr: boolean): number {
  if (!hasCr) return lf < 0 ? -1 : lf + 2;
  const limit = lf < 0 ? text.length : lf + 2;
  for (let at = from; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x0a && code !== 0x0d) continue;
    const next = code === 0x0d && text.charCodeAt(at + 1) === 0x0a ? at + 2 : at + 1;
    if (code === 0x0d && next >= text.length && next === at + 1) return -1;
    const following = text.charCodeAt(next);
    if (following === 0x0a) return next + 1;
    if (following === 0x0d) {
      if (next + 1 >= text.length) return -1;
      return text.charCodeAt(next + 1) === 0x0a ? next + 2 : next + 1;
    }
    at = next - 1;
  }
  return -1;
}

function parseEvent(raw: string): SseEvent {
  // The common forms first: "data: …\n\n", and "event: …\ndata: …\n\n".
  if (raw.startsWith("data: ") && raw.indexOf("\n") === raw.length - 2 && raw.indexOf("\r") < 0) {
    return { name: "", data: raw.slice(6, -2), raw };
  }
  let name = "";
  let data = "";
  let hasData = false;
  for (const line of raw.split(/\r\n|\n|\r/)) {
    if (line === "" || line.startsWith(":")) continue;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") {
      data = hasData ? `${data}\n${value}` : value;
      hasData = true;
    } else if (field === "event") {
      name = value;
    }
  }
  return { name, data, raw };
}

/**
 * Events of a stream as the latin1 string of their UTF-8 bytes. What Unicode takes for the end of a line is escaped, as readers that go by lines of text cut
 * there (httpx's `iter_lines`, and google-genai for Python with it); it stands in strings of JSON alone.
 */
export function latin1OfEvents(text: string): string {
  return latin1OfUtf8(text.replaceAll(/[\u0085\u2028\u2029]/g, escapeCharacter));
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
