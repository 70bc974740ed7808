/**
 * Answers that two clients could read in two ways, each followed by a second answer that nobody asked for, on a connection that would be used again. `refused`:
 * the client gets a 502. `served`: there is one way to read it. `any`: HTTP leaves it open, or it ends with the connection. In every case the next request has its
 * own answer.
 */
export interface SmuggledAnswer {
  readonly name: string;
  /** latin1; `BODY` is a whole answer of the protocol, of `LENGTH` bytes, and `HEX` of them. */
  readonly bytes: string;
  readonly expected: "refused" | "served" | "any";
}

/** Part of the answer that nobody asked for. */
export const poison = "poisoned";

const type = "Content-Type: application/json\r\n";
const extra = `HTTP/1.1 200 OK\r\n${type}Content-Length: 12\r\n\r\n{"${poison}":1}`.replace("12", String(`{"${poison}":1}`.length));
const ok = `HTTP/1.1 200 OK\r\n${type}`;
const sized = `${ok}Content-Length: LENGTH\r\n`;

type Row = readonly [name: string, bytes: string, expected?: SmuggledAnswer["expected"]];

const rows: readonly Row[] = [
  ["a length", `${sized}\r\nBODY`, "served"],
  ["chunks", `${ok}Transfer-Encoding: chunked\r\n\r\nHEX\r\nBODY\r\n0\r\n\r\n`, "served"],
  ["an interim answer", `HTTP/1.1 100 Continue\r\n\r\n${sized}\r\nBODY`, "any"],
  ["an early hint", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${sized}\r\nBODY`, "served"],
  ["an interim answer with a length", `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n${sized}\r\nBODY`, "served"],
  ["another protocol", `HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n`],
  ["length and encoding", `${sized}Transfer-Encoding: chunked\r\n\r\nHEX\r\nBODY\r\n0\r\n\r\n`],
  ["encoding and length", `${ok}Transfer-Encoding: chunked\r\nContent-Length: LENGTH\r\n\r\nHEX\r\nBODY\r\n0\r\n\r\n`],
  ["two lengths that differ", `${sized}Content-Length: 5\r\n\r\nBODY`],
  ["two lengths that agree", `${sized}Content-Length: LENGTH\r\n\r\nBODY`],
  ["a list of lengths", `${ok}Content-Length: LENGTH, LENGTH\r\n\r\nBODY`],
  ["a length with a plus sign", `${ok}Content-Length: +LENGTH\r\n\r\nBODY`],
  ["a hexadecimal length", `${ok}Content-Length: 0xHEX\r\n\r\nBODY`],
  ["a negative length", `${ok}Content-Length: -1\r\n\r\nBODY`],
  ["a length beyond 2^64", `${ok}Content-Length: 99999999999999999999999999\r\n\r\nBODY`],
  ["a length that is too short", `${ok}Content-Length: 5\r\n\r\nBODY`],
  ["a length of zero", `${ok}Content-Length: 0\r\n\r\nBODY`],
  ["an encoding with another behind it", `${ok}Transfer-Encoding: chunked, identity\r\n\r\nHEX\r\nBODY\r\n0\r\n\r\n`, "any"],
  ["a space before the colon", `${ok}Content-Length : LENGTH\r\n\r\nBODY`],
  ["a folded header", `${sized}X: a\r\n b\r\n\r\nBODY`],
  ["NUL in a header", `${sized}X: a\0b\r\n\r\nBODY`],
  ["CR in a header", `${sized}X: a\rb\r\n\r\nBODY`],
  ["LF behind a header", `${sized}X: a\nY: b\r\n\r\nBODY`],
  ["LF behind the status line", `HTTP/1.1 200 OK\n${type}Content-Length: LENGTH\r\n\r\nBODY`],
  ["a line without a colon", `${sized}garbage\r\n\r\nBODY`],
  ["a chunk size with 0x", `${ok}Transfer-Encoding: chunked\r\n\r\n0xHEX\r\nBODY\r\n0\r\n\r\n`],
  ["a negative chunk size", `${ok}Transfer-Encoding: chunked\r\n\r\n-HEX\r\nBODY\r\n0\r\n\r\n`],
  ["a chunk size beyond 2^64", `${ok}Transfer-Encoding: chunked\r\n\r\n10000000000000000HEX\r\nBODY\r\n0\r\n\r\n`],
  ["LF behind a chunk's data", `${ok}Transfer-Encoding: chunked\r\n\r\nHEX\r\nBODY\n0\r\n\r\n`],
  ["nothing behind a chunk's data", `${ok}Transfer-Encoding: chunked\r\n\r\nHEX\r\nBODY0\r\n\r\n`],
  ["an extension of a chunk", `${ok}Transfer-Encoding: chunked\r\n\r\nHEX;a=b\r\nBODY\r\n0\r\n\r\n`, "served"],
  ["a trailer", `${ok}Transfer-Encoding: chunked\r\n\r\nHEX\r\nBODY\r\n0\r\nX: y\r\n\r\n`, "served"],
  ["204 with a body", `HTTP/1.1 204 No Content\r\nContent-Length: LENGTH\r\n\r\nBODY`],
  ["304 with a body", `HTTP/1.1 304 Not Modified\r\nContent-Length: LENGTH\r\n\r\nBODY`],
  ["HTTP/2.0", `HTTP/2.0 200 OK\r\n${type}Content-Length: LENGTH\r\n\r\nBODY`, "any"],
  ["a status of two digits", `HTTP/1.1 20 OK\r\n${type}Content-Length: LENGTH\r\n\r\nBODY`],
  ["a status of four digits", `HTTP/1.1 2000 OK\r\n${type}Content-Length: LENGTH\r\n\r\nBODY`],
  ["no status", `HTTP/1.1 OK\r\n${type}Content-Length: LENGTH\r\n\r\nBODY`],
  ["a head of 1 MiB", `${sized}X: ${"a".repeat(2 ** 20)}\r\n\r\nBODY`],
];

export const smuggledAnswers: readonly SmuggledAnswer[] = rows.map(([name, bytes, expected = "refused"]) => ({
  name,
  bytes: bytes + extra,
  expected,
}));
