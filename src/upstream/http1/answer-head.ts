import { notHttp } from "./answer-error.ts";
import { isNameByte, isValueCode } from "./header-characters.ts";

/** How the body that follows a head ends. */
export type BodyFraming = "none" | "length" | "chunked" | "until-close";

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** Name, value, …, as received, without blanks around the values. */
  readonly headers: readonly string[];
  readonly framing: BodyFraming;
  /** Bytes of the body if `framing` is `length`. */
  readonly length: number;
  /** The connection may carry another request afterwards. */
  readonly isKept: boolean;
  /** How long the server keeps the idle connection, as it says; `undefined`: it does not say. */
  readonly keptMs: number | undefined;
}

/** Bytes of the longest head, with its status line. */
export const maxHeadBytes = 16 * 1024;

const statusAt = "HTTP/1.1 ".length;
const reasonAt = statusAt + 3;
const carriageReturn = 13;
const lineFeed = 10;
const blank = 32;
const tab = 9;
/** Lengths above cannot be counted exactly. */
const maxLengthDigits = 15;

/**
 * Reads a whole head: status line and header lines, each with its CRLF, latin1. It is strict, since whatever two readers understand differently lets one answer be
 * taken for two: no bare line feeds, no folded lines, a length or chunks but never both, digits only (RFC 9112 sections 2.2, 4, 5, 6.3).
 * @throws AnswerError
 */
export function readAnswerHead(text: string): AnswerHead {
  const { status, at, isVersion10 } = readStatusLine(text);
  const fields = new Fields();
  readFields(text, at, fields);
  const { headers, length, isChunked, keptMs } = fields;
  if (length !== -1 && isChunked) throw notHttp("both a length and chunks");
  const isKept = fields.isClosing ? false : !isVersion10 || fields.isKeepAlive;
  // An answer that must not have a body, but announces one: what follows could be either.
  if (status === 204 || status === 304) {
    return { status, headers, framing: "none", length: 0, isKept: isKept && length <= 0 && !isChunked, keptMs };
  }
  if (isChunked) return { status, headers, framing: "chunked", length: 0, isKept: isKept && !isVersion10, keptMs };
  if (length >= 0) return { status, headers, framing: "length", length, isKept, keptMs };
  return { status, headers, framing: "until-close", length: 0, isKept: false, keptMs };
}

/** Whether a text may be the beginning of an answer. */
export function mayBeAnswer(text: string): boolean {
  const known = "HTTP/1.";
  return text.length < known.length ? known.startsWith(text) : text.startsWith(known);
}

function readStatusLine(text: string): { readonly status: number; readonly at: number; readonly isVersion10: boolean } {
  const isVersion10 = text.startsWith("HTTP/1.0 ");
  if (!isVersion10 && !text.startsWith("HTTP/1.1 ")) throw notHttp("an unknown protocol");
  let status = 0;
  for (let i = statusAt; i < reasonAt; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) throw notHttp("a status that is not a number");
    status = status * 10 + digit;
  }
  if (status < 100) throw notHttp("a status that is not a number");
  let at = reasonAt;
  const first = text.charCodeAt(at);
  if (first !== blank && first !== carriageReturn) throw notHttp("a status that is not a number");
  while (isValueCode(text.charCodeAt(at))) at++;
  return { status, at: afterLine(text, at), isVersion10 };
}

/** @returns where the next line begins. */
function afterLine(text: string, at: number): number {
  if (text.charCodeAt(at) !== carriageReturn || text.charCodeAt(at + 1) !== lineFeed)
    throw notHttp("a line with a character that is not allowed");
  return at + 2;
}

/** Receives the fields of a head or of a trailer. */
interface FieldSink {
  /** `hasTab`: the value contains a tab, or one follows it. */
  add(name: string, value: string, hasTab: boolean): void;
}

/** Reads lines from `at` to the end of the text. @throws AnswerError */
export function readFields(text: string, at: number, sink: FieldSink): void {
  while (at < text.length) {
    const nameAt = at;
    while (isNameByte[text.charCodeAt(at)] === 1) at++;
    if (at === nameAt || text.charCodeAt(at) !== 58) throw notHttp("a header without a name");
    const name = text.slice(nameAt, at);
    at++;
    while (text.charCodeAt(at) === blank || text.charCodeAt(at) === tab) at++;
    const valueAt = at;
    let end = at;
    let hasTab = false;
    for (let code = text.charCodeAt(at); isValueCode(code); code = text.charCodeAt(at)) {
      at++;
      if (code === tab) hasTab = true;
      else if (code !== blank) end = at;
    }
    sink.add(name, text.slice(valueAt, end), hasTab);
    at = afterLine(text, at);
  }
}

/** The header fields of a head, and what those of them say that concern the connection and the body's end. */
class Fields implements FieldSink {
  readonly headers: string[] = [];
  length = -1;
  isChunked = false;
  isClosing = false;
  isKeepAlive = false;
  keptMs: number | undefined;

  add(name: string, value: string, hasTab: boolean): void {
    this.headers.push(name, value);
    switch (name.length) {
      case 10:
        this.#readConnection(name.toLowerCase(), value);
        break;
      case 14:
        if (name.toLowerCase() === "content-length") this.#readLength(value, hasTab);
        break;
      case 16:
        if (name.toLowerCase() === "proxy-connection") this.#readConnection("connection", value);
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") this.#readEncoding(value, hasTab);
        break;
    }
  }

  #readLength(value: string, hasTab: boolean): void {
    if (this.length !== -1) throw notHttp("two lengths");
    if (value.length > maxLengthDigits || hasTab || !/^\d+$/.test(value)) throw notHttp("a length that is not a number");
    this.length = Number(value);
  }

  /** With a tab behind it, some readers do not recognise `chunked`. */
  #readEncoding(value: string, hasTab: boolean): void {
    if (this.isChunked || hasTab || value.toLowerCase() !== "chunked") throw notHttp("an unknown transfer encoding");
    this.isChunked = true;
  }

  #readConnection(name: string, value: string): void {
    if (name === "connection") {
      for (const option of value.toLowerCase().split(",")) {
        const trimmed = option.trim();
        if (trimmed === "close") this.isClosing = true;
        else if (trimmed === "keep-alive") this.isKeepAlive = true;
      }
    } else if (name === "keep-alive") {
      const seconds = /(?:^|[\s,])timeout=(\d{1,9})/i.exec(value)?.[1];
      if (seconds !== undefined) this.keptMs = Number(seconds) * 1000;
    }
  }
}

/** Checks the fields after a chunked body, which nobody reads. @throws AnswerError also for fields that would change how the body is read. */
export function checkTrailer(text: string): void {
  readFields(text, 0, trailerSink);
}

const trailerSink: FieldSink = {
  add(name) {
    if (/^(?:content-length|transfer-encoding)$/i.test(name)) throw notHttp("a length after the body");
  },
};
