import { GatewayError } from "./errors.ts";
import { asBytes, latin1OfUtf8, type Bytes, type Text } from "./bytes.ts";

/** One server-sent event. All strings are latin1 strings of the received bytes; `utf8OfLatin1` decodes `data`. */
export interface SseEvent {
  /** The `event:` field, or "". */
  readonly name: string;
  /** The `data:` lines joined by a line feed; "" if there was none (a comment, a lone `event:`). */
  readonly data: Bytes;
  /** The bytes as received, including the blank line that ends the event. */
  readonly raw: Bytes;
}

/** The bytes of an event with its data replaced (latin1); everything else is unchanged. */
export function replaceData({ name, data, raw }: SseEvent, other: Bytes): Bytes {
  const at = raw.indexOf(data);
  if (at >= 0) return asBytes(raw.slice(0, at) + other + raw.slice(at + data.length));
  // The data came in several lines.
  return asBytes(`${name === "" ? "" : `event: ${name}\n`}${other.replaceAll(/^/gm, "data: ")}\n\n`);
}

/** Whether there is more in an event than JSON of its protocol: comments and lines of other names, or a text in its place. */
export function hasOwnWords({ name, data, raw }: SseEvent): boolean {
  // What `data: …`, alone or behind `event: …`, has around its values, where lines end in CR and LF.
  const most = name === "" ? 10 : 19;
  return data.charCodeAt(0) !== 0x7b || raw.length - data.length - name.length > most;
}

/** The limit for one event, in bytes. A stream that exceeds it is an error. */
export const maxEventBytes = 4 * 1024 * 1024;

/** A longer rest is not joined with each chunk: that would copy the beginning of a long event again and again. */
const longRest = 4096;

/**
 * Splits a byte stream into server-sent events (WHATWG HTML, section 9.2.6: lines end in LF, CR or CRLF; one leading BOM is dropped). Each `push`
 * takes a latin1 string, cut anywhere, and returns the events that are complete. The result does not depend on where the input was cut.
 */
export class SseSplitter {
  /** Bytes without an end of an event in them. */
  #rest = "";
  /** What has come behind a long `#rest`, and its length. */
  #more: string[] = [];
  #moreLength = 0;
  #started = false;

  /** @throws GatewayError `upstream_invalid_response` if an event grows past `maxEventBytes`. */
  push(chunk: Bytes): SseEvent[] {
    if (chunk.length === 0) return [];
    if (this.#rest.length > longRest && !this.#hasEnd(chunk)) {
      this.#more.push(chunk);
      this.#moreLength += chunk.length;
      this.#checkLength();
      return [];
    }
    const rest = this.#takeRest();
    let text = rest.length === 0 ? chunk : rest + chunk;
    if (!this.#started) {
      // A BOM is three bytes in latin1. With fewer bytes, wait for more.
      if (text.length < 3 && "\u00ef\u00bb\u00bf".startsWith(text)) {
        this.#rest = text;
        return [];
      }
      this.#started = true;
      if (text.startsWith("\u00ef\u00bb\u00bf")) text = text.slice(3);
    }
    const events: SseEvent[] = [];
    let start = 0;
    // The end of an event has at most four bytes, so the last three bytes are searched again.
    let from = Math.max(0, rest.length - overlap);
    const hasCr = text.indexOf("\r", from) >= 0;
    let lf = text.indexOf("\n\n", from);
    for (;;) {
      // Search again only after passing the last result: otherwise every event of a text with CRLF would cost a search of the whole text.
      if (lf >= 0 && lf < from) lf = text.indexOf("\n\n", from);
      const end = findEventEnd(text, from, lf, hasCr);
      if (end < 0) break;
      events.push(parseEvent(text.slice(start, end)));
      start = end;
      from = end;
    }
    this.#rest = start === 0 ? text : text.slice(start);
    this.#checkLength();
    return events;
  }

  /** Received bytes that do not belong to a complete event yet. */
  get pending(): string {
    return this.#rest + this.#more.join("");
  }

  /** Call this at the end of the stream. It returns a last event that lacks only its blank line, as some servers omit it. */
  end(): SseEvent[] {
    const rest = this.#takeRest();
    if (rest.trim() === "") return [];
    const event = parseEvent(rest);
    return [{ ...event, raw: asBytes(`${rest.replace(/[\r\n]*$/, "")}\n\n`) }];
  }

  /** Whether an event ends in the chunk, which comes behind a long rest. */
  #hasEnd(chunk: string): boolean {
    // The last bytes may lie in several short chunks.
    let before = "";
    for (let at = this.#more.length - 1; at >= 0 && before.length < overlap; at--) before = this.#more[at]! + before;
    if (before.length < overlap) before = this.#rest.slice(-overlap) + before;
    const text = before.slice(-overlap) + chunk;
    return findEventEnd(text, 0, text.indexOf("\n\n"), text.indexOf("\r") >= 0) >= 0;
  }

  #takeRest(): string {
    const rest = this.#more.length === 0 ? this.#rest : this.pending;
    this.#rest = "";
    this.#more = [];
    this.#moreLength = 0;
    return rest;
  }

  #checkLength(): void {
    if (this.#rest.length + this.#moreLength <= maxEventBytes) return;
    throw new GatewayError("upstream_invalid_response", `The provider sent a stream event of more than ${maxEventBytes} bytes.`);
  }
}

/** The end of an event has at most four bytes. */
const overlap = 3;

/**
 * Offset after the first blank line at or after `from`, or -1. A CR at the very end may be half a CRLF, so the search waits for the next byte. `lf`
 * is the offset of the first two line feeds at or after `from`, or -1.
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
    return { name: "", data: asBytes(raw.slice(6, -2)), raw: asBytes(raw) };
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
  return { name, data: asBytes(data), raw: asBytes(raw) };
}

/**
 * Returns the events of a stream as the latin1 string of their UTF-8 bytes. Characters that Unicode treats as line ends are escaped, as some readers
 * split there (httpx's `iter_lines`, and so google-genai for Python). Such characters occur only inside JSON strings.
 */
export function latin1OfEvents(text: Text): Bytes {
  return latin1OfUtf8(text.replaceAll(/[\u0085\u2028\u2029]/g, escapeCharacter));
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
