// Answers as servers send them, and broken ones, read by our reader and by llhttp.
import assert from "node:assert/strict";
import { AnswerError } from "../../src/upstream/http1/answer-error.ts";
import { AnswerReader } from "../../src/upstream/http1/answer-reader.ts";
import { LlhttpReader, type ReadAnswer } from "./llhttp.ts";

/** Numbers from 0 to 1, always the same for the same seed. */
export type Random = () => number;

/** mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}

const statusLines = [
  ...Array.from({ length: 12 }, () => "HTTP/1.1 200 OK"),
  "HTTP/1.1 200",
  "HTTP/1.1 200 ",
  "HTTP/1.0 200 OK",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 304 Not Modified",
  "HTTP/1.1 500 \xe9\t",

  "HTTP/1.1 429 Too Many",
  "HTTP/2.0 200 OK",
  "HTTP/0.9 200 OK",
  "HTTP/1.1  200 OK",
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "http/1.1 200 OK",
  "HTTP/1.1 099 X",
  "HTTP/1.1 101 Up",
  "HTTP/1.1 100 Continue",
  "HTTP/1.1 103 Early",
  "ICY 200 OK",
  "HTTP/1.1 999 X",
  "HTTP/1.2 200 OK",
];

const oddHeaders = [
  "Connection: close",
  "connection: keep-alive",
  "Connection: Keep-Alive, x",
  "connection: x , close",
  "Keep-Alive: timeout=5, max=100",
  "connection: upgrade",
  "upgrade: h2c",
  "connection: close\r\nconnection: keep-alive",
  "proxy-connection: close",

  "content-length: 2",
  "Content-Length: 0",
  "content-length: 5, 5",
  "content-length: +5",
  "content-length: 0x5",
  "content-length: ",
  "content-length: 5 5",

  "content-length: 99999999999999999999",
  "content-length: 005",
  "content-length:\t5 ",
  "content-length: -1",
  "content-length : 5",
  " content-length: 5",

  "transfer-encoding: chunked",
  "Transfer-Encoding: Chunked",
  "transfer-encoding: gzip, chunked",
  "transfer-encoding: chunked, gzip",
  "transfer-encoding: identity",

  "transfer-encoding: xchunked",
  "transfer-encoding: chunked ",
  "transfer-encoding : chunked",
  "transfer-encoding:\x0bchunked",
  "transfer-encoding: ",
  "transfer-encoding: chunked\r\ntransfer-encoding: chunked",

  "x: a\r\n b",
  "x: a\r\n\tb",
  "x:",
  "x: \xe9\xff",
  "x: a\x00b",
  "x: a\x7fb",
  "x: a\rb",
  "x: a\nb",
  "no-colon",
  ": no-name",
  "x y: 1",
  "\xe9: 1",
  "set-cookie: a=1; b",
];

const plainHeaders = [
  "content-type: application/json",
  "x-request-id: req_1",
  "date: Sun, 29 Nov 2026 01:00:00 GMT",
  "X-Ratelimit-Remaining:  5 ",
  "server: s",
];

const trailers = [
  "",
  "",
  "",
  "x-sum: 1\r\n",
  "a: b\r\nc: d\r\n",
  "content-length: 5\r\n",
  "transfer-encoding: chunked\r\n",
  "broken\r\n",
  "x: a\x00\r\n",
];

const extensions = [
  "",
  "",
  "",
  "",
  "",
  ";a",
  ";a=b",
  ';a="b;c"',
  ";a=",
  ";",
  " ",
  ";a b",
  ' ;a="',
  ";\xe9=1",
  ';a="\\""',
  ";a=b;c=d",
  ";a=\x01",
  ';a="b"c',
];

const specials = [
  "\r",
  "\n",
  "\r\n",
  " ",
  "\t",
  ":",
  ";",
  "0",
  "a",
  ",",
  "\x00",
  "\x7f",
  "\xff",
  "\r\n\r\n",
  "HTTP/1.1 200 OK\r\n",
  "chunked",
];

/** The bytes of one answer, or of something like it; latin1. */
export function randomAnswer(random: Random): string {
  let text = "";
  if (random() < 0.05)
    text += pick(random, ["\r\n", "\n", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", "HTTP/1.1 102 P\r\ncontent-length: 3\r\n\r\n"]);
  text += `${random() < 0.85 ? "HTTP/1.1 200 OK" : pick(random, statusLines)}\r\n`;
  const headers = Array.from({ length: Math.floor(random() * 4) }, () => pick(random, plainHeaders));
  for (let count = Math.floor(random() * 1.4); count > 0; count--) headers.push(pick(random, oddHeaders));
  const body = pick(random, ["", "x", '{"a":1}', "0\r\n\r\n", "x".repeat(300), "HTTP/1.1 200 OK\r\n\r\n"]);
  const kind = random();
  let end = body;
  if (kind < 0.4) {
    headers.push(
      `${pick(random, ["content-length", "Content-Length"])}: ${body.length + (random() < 0.1 ? Math.floor(random() * 3) - 1 : 0)}`,
    );
  } else if (kind < 0.8) {
    headers.push(pick(random, ["transfer-encoding: chunked", "Transfer-Encoding: chunked"]));
    end = chunked(random, body);
  }
  headers.sort(() => random() - 0.5);
  text += headers.map((line) => `${line}\r\n`).join("");
  text += `\r\n${end}`;
  if (random() < 0.1) text += pick(random, ["\r\n", "x", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]);
  return random() < 0.6 ? text : mutated(random, text);
}

function chunked(random: Random, body: string): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, 1 + Math.floor(random() * 40));
    let digits = size.toString(16);
    if (random() < 0.1)
      digits = pick(random, [
        digits.toUpperCase(),
        `0${digits}`,
        `000000${digits}`,
        `0x${digits}`,
        `-${digits}`,
        "",
        "fffffffffffffffff",
        "g",
      ]);
    text += `${digits}${random() < 0.2 ? pick(random, extensions) : ""}\r\n${body.slice(at, at + size)}${random() < 0.02 ? pick(random, specials) : "\r\n"}`;
    at += size;
  }
  return `${text}${random() < 0.05 ? "000" : "0"}${random() < 0.1 ? pick(random, extensions) : ""}\r\n${pick(random, trailers)}\r\n`;
}

function mutated(random: Random, text: string): string {
  let result = text;
  for (let count = 1 + Math.floor(random() * 2); count > 0; count--) {
    const at = Math.floor(random() * (result.length + 1));
    const kind = random();
    if (kind < 0.35) result = result.slice(0, at) + pick(random, specials) + result.slice(at);
    else if (kind < 0.6) result = result.slice(0, at) + result.slice(at + 1 + Math.floor(random() * 3));
    else if (kind < 0.8) result = result.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + result.slice(at + 1);
    else if (kind < 0.9) result = result.slice(0, at);
    else result = result.slice(0, at) + result.slice(Math.floor(random() * (at + 1)), at) + result.slice(at);
  }
  return result;
}

/** The bytes in pieces: mostly a few, sometimes one each. */
export function pieces(random: Random, text: string): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  const kind = random();
  if (kind < 0.4) return [bytes];
  const most = kind < 0.5 ? 1 : 80;
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random() * most));
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

/** Reads with our reader what the connection carries before it ends in order; sometimes with pauses. */
export function readOurs(parts: readonly Buffer[], random: Random): ReadAnswer {
  let status = 0;
  let headers: readonly string[] = [];
  let body = "";
  let isKept = false;
  let whole: ReadAnswer | undefined;
  const pauses = random() < 0.3;
  let isPaused = false;
  const pauseSometimes = (): void => {
    isPaused = pauses && random() < 0.3;
    if (isPaused) reader.pause();
  };
  const reader = new AnswerReader({
    headRead(head) {
      ({ status, headers, isKept } = head);
      pauseSometimes();
    },
    pieceRead(piece) {
      body += piece.toString("latin1");
      pauseSometimes();
    },
    answerRead(hasMore) {
      whole = { outcome: "whole", status, headers, body, isKept, hasMore };
    },
  });
  try {
    for (const [index, part] of parts.entries()) {
      reader.read(part);
      while (isPaused) {
        isPaused = false;
        reader.resume();
      }
      if (whole?.outcome === "whole")
        return { ...whole, hasMore: whole.hasMore || parts.slice(index + 1).some(({ length }) => length > 0) };
    }
    reader.end();
    return whole ?? { outcome: "cut" };
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    return error.kind === "truncated" ? { outcome: "cut" } : { outcome: "refused", reason: error.message };
  }
}

/** What our reader refuses although llhttp does not: the reason that it gives, what the bytes then contain, and what it is for. */
const stricter: readonly (readonly [reason: RegExp, input: RegExp, what: string])[] = [
  [/unknown transfer encoding/, /transfer-encoding:/i, "a transfer encoding other than one `chunked`"],
  [
    /unknown protocol/,
    /^[\r\n]|HTTP\/(?:0\.9|2\.0)|HTTP\/1\.1[\s\S]*\r\n\r\n[\r\n]/,
    "an empty line before the answer, or another version than 1.0 and 1.1",
  ],
  [/a length after the body/, /\r\n0[^]*(?:content-length|transfer-encoding):/i, "a length in a trailer"],
  [/chunk's size that is not a number/, /[0-9a-f];(?:[^\r\n]*[=;])?[=;\r]/i, "a chunk's extension with an empty name or value"],
  [/does not end as it should|character that is not allowed/, /\r(?!\n)/, "a carriage return without a line feed"],
  [/status that is not a number/, /HTTP\/1\.[01] 0\d\d/, "a status below 100"],
  [/character that is not allowed/, /HTTP\/1\.[01] \d{3} [^\r]*?(?![\t\r])\p{Cc}/u, "a control character in the reason of a status"],
  [/length that is not a number/, /content-length: *\d{16,}/i, "a length of more than 15 digits"],
  [/chunk of unbounded size/, /\n[0-9a-f]{14,}/i, "a chunk's size of more than 13 digits"],
];

/** What llhttp refuses although it is harmless. */
const looser: readonly (readonly [input: RegExp, what: string])[] = [
  [/HTTP\/1\.[01] 1\d\d[^]*?connection: *[^]*?\r\n\r\n/i, "an interim answer that says that the connection closes"],
];

export interface FuzzFigures {
  readonly answers: number;
  readonly whole: number;
  readonly cut: number;
  readonly refused: number;
  /** How often one of the two refuses or closes what the other does not, by what it is. */
  readonly differences: Readonly<Record<string, number>>;
}

/** @throws AssertionError with the bytes for an answer that the two understand differently. */
export function compareReaders(seed: number, answers: number): FuzzFigures {
  const random = seeded(seed);
  const llhttp = new LlhttpReader();
  const counts = { whole: 0, cut: 0, refused: 0 };
  const differences: Record<string, number> = {};
  for (let i = 0; i < answers; i++) {
    const text = randomAnswer(random);
    const ours = readOurs(pieces(random, text), random);
    const theirs = llhttp.read(pieces(random, text));
    counts[ours.outcome]++;
    if (isSame(ours, theirs)) continue;
    const what = differenceOf(ours, theirs, text);
    if (what === undefined) assert.deepEqual({ ...ours, text }, { ...theirs, text }, `answer ${i} of seed ${seed}`);
    else differences[what] = (differences[what] ?? 0) + 1;
  }
  return { answers, ...counts, differences: differences };
}

function isSame(ours: ReadAnswer, theirs: ReadAnswer): boolean {
  // What is cut off may be refused for what came before: there is no answer either way.
  if (ours.outcome !== "whole" && theirs.outcome !== "whole") return true;
  return JSON.stringify(ours) === JSON.stringify(theirs);
}

function differenceOf(ours: ReadAnswer, theirs: ReadAnswer, text: string): string | undefined {
  if (ours.outcome === "refused") return stricter.find(([reason, input]) => reason.test(ours.reason) && input.test(text))?.[2];
  if (ours.outcome === "whole" && theirs.outcome === "refused") return looser.find(([input]) => input.test(text))?.[1];
  if (ours.outcome === "whole" && theirs.outcome === "whole" && !ours.isKept && theirs.isKept) {
    const isOld = JSON.stringify({ ...ours, isKept: true }) === JSON.stringify(theirs) && /HTTP\/1\.0/.test(text);
    return isOld ? "a connection of HTTP/1.0 that says both `close` and `keep-alive`, or has chunks" : undefined;
  }
  return undefined;
}
