import { AnswerError, notHttp } from "./answer-error.ts";
import { checkTrailer, maxHeadBytes, mayBeAnswer, readAnswerHead, type AnswerHead } from "./answer-head.ts";

/** Receives the parts of an answer as they are read. */
export interface AnswerSink {
  /** A head with a status of at least 200. */
  headRead(head: AnswerHead): void;
  pieceRead(piece: Buffer): void;
  /** `hasMore`: bytes follow that are not part of the answer. */
  answerRead(hasMore: boolean): void;
}

/** The line of a chunk's size, with its extensions. */
const maxSizeLine = 4 * 1024;
/** Hexadecimal digits of a chunk's size, leading zeros included. */
const maxSizeDigits = 13;
/** `;name`, `;name=token` or `;name="text"`, several times (RFC 9112 section 7.1.1). Nobody reads them. */
const extensions =
  /^(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"(?:[\t\x20-\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;

const carriageReturn = 13;
const lineFeed = 10;

type State =
  | "head"
  | "length"
  | "until-close"
  | "size"
  | "extension"
  | "size-end"
  | "chunk"
  | "chunk-return"
  | "chunk-feed"
  | "trailer"
  | "ending"
  | "over";

/**
 * Reads one answer after the other from the bytes of a connection, in pieces of any size. It is strict, and bounds whatever it must keep: a head and a trailer of at most 16 KiB, the
 * line of a chunk's size of at most 4 KiB. Pieces of a body are parts of the buffers that it is given.
 */
export class AnswerReader {
  readonly #sink: AnswerSink;
  #state: State = "head";
  /** The part of a head, an extension or a trailer that is here already. */
  #text = "";
  #left = 0;
  #digits = 0;
  #isPaused = false;
  #isReading = false;
  /** What came after the pause. */
  #rest: Buffer | undefined;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** @throws AnswerError; the reader cannot be used any more then. */
  read(chunk: Buffer): void {
    if (this.#rest === undefined) this.#read(chunk);
    else this.#rest = Buffer.concat([this.#rest, chunk]);
  }

  /**
   * The connection has ended in order. @returns whether that ends an answer; `false`: there is none yet, or only a part of its head.
   * @throws AnswerError if the answer that has begun is not complete.
   */
  end(): boolean {
    if (this.#state === "head") return false;
    if (this.#state === "until-close") this.#answerRead(false);
    else throw new AnswerError("truncated", "ended the connection in the middle of its answer.");
    return true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** @throws AnswerError */
  resume(): void {
    this.#isPaused = false;
    const rest = this.#rest;
    if (rest === undefined || this.#isReading) return;
    this.#rest = undefined;
    this.#read(rest);
  }

  /** Reads nothing more, whatever it is given. */
  stop(): void {
    this.#state = "over";
    this.#rest = undefined;
  }

  #read(chunk: Buffer): void {
    let at = 0;
    this.#isReading = true;
    try {
      while (this.#state !== "over") {
        if (this.#isPaused && this.#state !== "head") {
          this.#rest = chunk.subarray(at);
          return;
        }
        if (this.#state === "ending") {
          this.#isReading = false;
          this.#answerRead(at < chunk.length);
          return;
        }
        if (at === chunk.length) return;
        at = this.#step(chunk, at);
      }
    } finally {
      this.#isReading = false;
    }
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case "head":
        return this.#readHead(chunk, at);
      case "length":
      case "chunk":
        return this.#readPiece(chunk, at);
      case "until-close":
        this.#sink.pieceRead(at === 0 ? chunk : chunk.subarray(at));
        return chunk.length;
      case "size":
      case "extension":
      case "size-end":
        return this.#readSize(chunk, at);
      case "chunk-return":
        if (chunk[at] !== carriageReturn) throw notHttp("a chunk that does not end where it should");
        this.#state = "chunk-feed";
        return at + 1;
      case "chunk-feed":
        if (chunk[at] !== lineFeed) throw notHttp("a chunk that does not end where it should");
        this.#state = "size";
        return at + 1;
      case "trailer":
        return this.#readTrailer(chunk, at);
      case "ending":
      case "over":
        return chunk.length;
    }
  }

  #readHead(chunk: Buffer, at: number): number {
    const before = this.#text.length;
    const text = this.#text + chunk.toString("latin1", at, Math.min(chunk.length, at + maxHeadBytes + 4 - before));
    if (before < 8 && !mayBeAnswer(text)) throw notHttp("an unknown protocol");
    const end = text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) {
      if (text.length > maxHeadBytes) throw new AnswerError("malformed", "sent a head that is too large.");
      checkLineEnds(text, before);
      this.#text = text;
      return chunk.length;
    }
    this.#text = "";
    this.#takeHead(readAnswerHead(text.slice(0, end + 2)));
    return at + end + 4 - before;
  }

  #takeHead(head: AnswerHead): void {
    if (head.status < 200) {
      // Neither was asked for: with 101 the connection speaks another protocol from here on.
      if (head.status === 100 || head.status === 101)
        throw new AnswerError("malformed", "sent something that is not an answer to the request.");
      return;
    }
    switch (head.framing) {
      case "length":
        this.#left = head.length;
        this.#state = head.length === 0 ? "ending" : "length";
        break;
      case "chunked":
        this.#state = "size";
        break;
      case "until-close":
        this.#state = "until-close";
        break;
      case "none":
        this.#state = "ending";
        break;
    }
    this.#sink.headRead(head);
  }

  #readPiece(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = this.#state === "chunk" ? "chunk-return" : "ending";
    this.#sink.pieceRead(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    return end;
  }

  #readSize(chunk: Buffer, at: number): number {
    let isInDigits = this.#state === "size";
    while (at < chunk.length) {
      const code = chunk[at++]!;
      if (isInDigits) {
        const digit = digitOf(code);
        if (digit >= 0) {
          this.#left = this.#left * 16 + digit;
          if (++this.#digits > maxSizeDigits) throw notHttp("a chunk of unbounded size");
          continue;
        }
        if (this.#digits === 0) throw notHttp("a chunk without a size");
        isInDigits = false;
      }
      if (code === lineFeed && this.#state === "size-end") return this.#sizeRead(at);
      if (this.#state === "size-end") throw notHttp("a chunk's size that is not a number");
      if (code === carriageReturn) {
        if (this.#text !== "" && !extensions.test(this.#text)) throw notHttp("a chunk's size that is not a number");
        this.#state = "size-end";
      } else {
        this.#state = "extension";
        this.#text += String.fromCharCode(code);
        if (this.#text.length > maxSizeLine) throw notHttp("a chunk's extension that is too long");
      }
    }
    return at;
  }

  #sizeRead(at: number): number {
    this.#text = "";
    this.#digits = 0;
    this.#state = this.#left === 0 ? "trailer" : "chunk";
    return at;
  }

  #readTrailer(chunk: Buffer, at: number): number {
    const before = this.#text.length;
    const text = this.#text + chunk.toString("latin1", at, Math.min(chunk.length, at + maxHeadBytes + 4 - before));
    if (text.startsWith("\r\n")) {
      this.#text = "";
      this.#state = "ending";
      return at + 2 - before;
    }
    const end = text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) {
      if (text.length > maxHeadBytes) throw notHttp("a trailer that is too large");
      checkLineEnds(text, before);
      this.#text = text;
      return chunk.length;
    }
    checkTrailer(text.slice(0, end + 2));
    this.#text = "";
    this.#state = "ending";
    return at + end + 4 - before;
  }

  #answerRead(hasMore: boolean): void {
    this.#state = "head";
    this.#text = "";
    this.#left = 0;
    this.#digits = 0;
    this.#sink.answerRead(hasMore);
  }
}

/** Refuses a line feed or a carriage return without the other at once, as its head might never end. @param from where the new part begins. */
function checkLineEnds(text: string, from: number): void {
  for (let at = text.indexOf("\n", from); at >= 0; at = text.indexOf("\n", at + 1)) {
    if (text.charCodeAt(at - 1) !== carriageReturn) throw notHttp("a line that does not end as it should");
  }
  for (let at = text.indexOf("\r", Math.max(0, from - 1)); at >= 0 && at < text.length - 1; at = text.indexOf("\r", at + 1)) {
    if (text.charCodeAt(at + 1) !== lineFeed) throw notHttp("a line that does not end as it should");
  }
}

/** The value of a hexadecimal digit, or -1. */
function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
