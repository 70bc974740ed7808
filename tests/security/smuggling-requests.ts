/**
 * Requests that two servers in a row could read in two ways (RFC 9112, sections 6 and 11.2), each followed by an innocent one on the same connection. `refused`:
 * one answer of 4xx, and the connection is closed. `served`: there is one way to read it, and the innocent request has its own answer. `closed`: there is one
 * way to read it, but nothing may follow it.
 */
export interface SmuggledRequest {
  readonly name: string;
  /** latin1 */
  readonly bytes: string;
  readonly expected: "refused" | "served" | "closed";
}

/** The answer to it shows that a part of a body was read as a request. */
export const smuggledPath = "/smuggled";

const json = '{"model":"loopback","messages":[{"role":"user","content":"hi"}]}';
const smuggled = `GET ${smuggledPath} HTTP/1.1\r\nHost: a\r\n\r\n`;
const lineAndHost = "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nx-api-key: KEY\r\n";

type Expected = SmuggledRequest["expected"];
type Row = readonly [name: string, text: string, expected?: Expected];

/** `Transfer-Encoding` in spellings that one parser takes for chunked and another does not. With a length each is refused, whatever it is without one. */
const encodings: readonly Row[] = [
  ["plain", "Transfer-Encoding: chunked", "served"],
  ["upper case", "TRANSFER-ENCODING: CHUNKED", "served"],
  ["mixed case", "transfer-encoding: ChUnKeD", "served"],
  ["no space", "Transfer-Encoding:chunked", "served"],
  ["a tab", "Transfer-Encoding:\tchunked", "served"],
  ["a space behind it", "Transfer-Encoding: chunked ", "served"],
  ["a tab behind it", "Transfer-Encoding: chunked\t"],
  ["space before the colon", "Transfer-Encoding : chunked"],
  ["tab before the colon", "Transfer-Encoding\t: chunked"],
  ["space before the name", " Transfer-Encoding: chunked"],
  ["NUL behind the name", "Transfer-Encoding\0: chunked"],
  ["NUL before the value", "Transfer-Encoding: \0chunked"],
  ["NUL behind the value", "Transfer-Encoding: chunked\0"],
  ["vertical tab before it", "Transfer-Encoding: \x0bchunked"],
  ["vertical tab behind it", "Transfer-Encoding: chunked\x0b"],
  ["form feed before it", "Transfer-Encoding: \x0cchunked"],
  ["no-break space before it", "Transfer-Encoding: \xa0chunked"],
  ["a byte above ASCII behind it", "Transfer-Encoding: chunked\xff"],
  ["quoted", 'Transfer-Encoding: "chunked"'],
  ["single quotes", "Transfer-Encoding: 'chunked'"],
  ["a word before it", "Transfer-Encoding: xchunked"],
  ["a word behind it", "Transfer-Encoding: chunkedx"],
  ["a part of it", "Transfer-Encoding: chunk"],
  ["empty", "Transfer-Encoding:"],
  ["identity", "Transfer-Encoding: identity"],
  ["cow", "Transfer-Encoding: cow"],
  ["deflate", "Transfer-Encoding: deflate"],
  ["a parameter", "Transfer-Encoding: chunked;a=b"],
  ["a semicolon", "Transfer-Encoding: chunked;"],
  ["identity behind it", "Transfer-Encoding: chunked, identity"],
  ["gzip behind it", "Transfer-Encoding: chunked, gzip"],
  ["a comma behind it", "Transfer-Encoding: chunked,"],
  ["twice in a list", "Transfer-Encoding: chunked, chunked"],
  ["identity before it", "Transfer-Encoding: identity, chunked"],
  ["gzip before it", "Transfer-Encoding: gzip, chunked"],
  ["a comma before it", "Transfer-Encoding: ,chunked"],
  ["two headers, the first is chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"],
  ["two headers, the last is chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"],
  ["two headers, both chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"],
  ["folded", "Transfer-Encoding:\r\n chunked"],
  ["folded in the middle", "Transfer-Encoding: identity,\r\n\tchunked"],
  ["behind a bare LF", "X: y\nTransfer-Encoding: chunked"],
  ["behind a bare CR", "X: y\rTransfer-Encoding: chunked"],
  ["behind CR CR LF", "X: y\r\r\nTransfer-Encoding: chunked"],
  ["ended by LF", "Transfer-Encoding: chunked\nX: y"],
];

/** `Content-Length` of five bytes in spellings that parsers read differently. */
const lengths: readonly Row[] = [
  ["two that differ", "Content-Length: 5\r\nContent-Length: 6"],
  ["two that agree", "Content-Length: 5\r\nContent-Length: 5"],
  ["two, the other spelt in lower case", "Content-Length: 5\r\ncontent-length: 0"],
  ["a list", "Content-Length: 5, 5"],
  ["a list that differs", "Content-Length: 5, 0"],
  ["a list with an empty part", "Content-Length: 5,"],
  ["a plus sign", "Content-Length: +5"],
  ["a minus sign", "Content-Length: -5"],
  ["hexadecimal", "Content-Length: 0x5"],
  ["a fraction", "Content-Length: 5.0"],
  ["an exponent", "Content-Length: 5e0"],
  ["a space inside", "Content-Length: 5 5"],
  ["a semicolon", "Content-Length: 5;"],
  ["letters behind it", "Content-Length: 5abc"],
  ["quoted", 'Content-Length: "5"'],
  ["empty", "Content-Length:"],
  ["a vertical tab behind it", "Content-Length: 5\x0b"],
  ["a vertical tab before it", "Content-Length: \x0b5"],
  ["NUL behind it", "Content-Length: 5\0"],
  ["a no-break space before it", "Content-Length: \xa05"],
  ["2^64 and five", "Content-Length: 18446744073709551621"],
  ["more than 2^64", "Content-Length: 99999999999999999999999999"],
  ["space before the colon", "Content-Length : 5"],
  ["folded", "Content-Length:\r\n 5"],
  ["behind a bare CR", "X: y\rContent-Length: 5"],
  ["behind a bare LF", "X: y\nContent-Length: 5"],
];

const chunkOf = (text: string, size = text.length.toString(16)): string => `${size}\r\n${text}\r\n`;

/** Bodies in chunks. */
const chunked: readonly Row[] = [
  ["plain", `${chunkOf(json)}0\r\n\r\n`, "served"],
  ["upper case digits", `${chunkOf(json.padEnd(0xab), "AB")}0\r\n\r\n`, "served"],
  ["leading zeros", `${chunkOf(json, `000${json.length.toString(16)}`)}0\r\n\r\n`, "served"],
  ["several zeros at the end", `${chunkOf(json)}0000\r\n\r\n`, "served"],
  ["an extension", `${chunkOf(json, `${json.length.toString(16)};a=b`)}0\r\n\r\n`, "served"],
  ["an extension at the end", `${chunkOf(json)}0;a=b\r\n\r\n`, "served"],
  ["a trailer", `${chunkOf(json)}0\r\nX: y\r\n\r\n`, "served"],
  ["a trailer with a length", `${chunkOf(json)}0\r\nContent-Length: 5\r\n\r\n`],
  ["a trailer with an encoding", `${chunkOf(json)}0\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ["a size with 0x", `${chunkOf(json, `0x${json.length.toString(16)}`)}0\r\n\r\n`],
  ["a size with a plus sign", `${chunkOf(json, `+${json.length.toString(16)}`)}0\r\n\r\n`],
  ["a negative size", `${chunkOf(json, "-1")}0\r\n\r\n`],
  ["a size with an underscore", `${chunkOf(json, "4_0")}0\r\n\r\n`],
  ["a space before the size", `${chunkOf(json, ` ${json.length.toString(16)}`)}0\r\n\r\n`],
  ["an empty size", `\r\n${json}\r\n0\r\n\r\n`],
  ["a size that is no number", `${chunkOf(json, "zz")}0\r\n\r\n`],
  ["2^64 and its size", `${chunkOf(json, `10000000000000000${json.length.toString(16)}`)}0\r\n\r\n`],
  ["LF behind the size", `${json.length.toString(16)}\n${json}\r\n0\r\n\r\n`],
  ["CR behind the size", `${json.length.toString(16)}\r${json}\r\n0\r\n\r\n`],
  ["LF behind the data", `${json.length.toString(16)}\r\n${json}\n0\r\n\r\n`],
  ["CR behind the data", `${json.length.toString(16)}\r\n${json}\r0\r\n\r\n`],
  ["nothing behind the data", `${json.length.toString(16)}\r\n${json}0\r\n\r\n`],
  ["more data than its size", `${chunkOf(json, (json.length - 2).toString(16))}0\r\n\r\n`],
  ["LF behind the last size", `${chunkOf(json)}0\n\r\n`],
  ["LF at the end", `${chunkOf(json)}0\r\n\n`],
  ["LF in an extension", `${chunkOf(json, `${json.length.toString(16)};a\nb`)}0\r\n\r\n`],
  ["NUL in an extension", `${chunkOf(json, `${json.length.toString(16)};a\0b`)}0\r\n\r\n`],
  ["CR in an extension", `${chunkOf(json, `${json.length.toString(16)};a\rb`)}0\r\n\r\n`],
  ["an extension of 20 KiB", `${chunkOf(json, `${json.length.toString(16)};${"a".repeat(20_480)}`)}0\r\n\r\n`],
  ["a trailer with a space before the colon", `${chunkOf(json)}0\r\nX : y\r\n\r\n`],
  ["a trailer with a bare LF", `${chunkOf(json)}0\r\nX: y\nZ: z\r\n\r\n`],
];

const length = `Content-Length: ${json.length}\r\n`;
const key = "x-api-key: KEY\r\n";

/** Request lines, hosts and methods. */
const heads: readonly Row[] = [
  ["plain", `${lineAndHost}${length}\r\n${json}`, "served"],
  ["CRLF before it", `\r\n${lineAndHost}${length}\r\n${json}`, "served"],
  ["LF before it", `\n${lineAndHost}${length}\r\n${json}`, "served"],
  ["a space before it", ` ${lineAndHost}${length}\r\n${json}`],
  ["two spaces before the target", `POST  /v1/chat/completions HTTP/1.1\r\nHost: a\r\n${key}${length}\r\n${json}`, "served"],
  ["a tab before the target", `POST\t/v1/chat/completions HTTP/1.1\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["two spaces before the version", `POST /v1/chat/completions  HTTP/1.1\r\nHost: a\r\n${key}${length}\r\n${json}`, "served"],
  ["a space behind the version", `POST /v1/chat/completions HTTP/1.1 \r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["a space in the target", `POST /v1/chat completions HTTP/1.1\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["the version in lower case", `POST /v1/chat/completions http/1.1\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["version 1.2", `POST /v1/chat/completions HTTP/1.2\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["version 1.10", `POST /v1/chat/completions HTTP/1.10\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["version 01.1", `POST /v1/chat/completions HTTP/01.1\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["version 2.0", `POST /v1/chat/completions HTTP/2.0\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["no version", `POST /v1/chat/completions\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["LF behind the request line", `POST /v1/chat/completions HTTP/1.1\nHost: a\r\n${key}${length}\r\n${json}`],
  ["CR behind the request line", `POST /v1/chat/completions HTTP/1.1\rHost: a\r\n${key}${length}\r\n${json}`],
  ["LF at the head's end", `${lineAndHost}${length}\n${json}`],
  ["a colon before the first header", `POST /v1/chat/completions HTTP/1.1\r\n: x\r\nHost: a\r\n${key}${length}\r\n${json}`],
  ["a line without a colon", `${lineAndHost}garbage\r\n${length}\r\n${json}`],
  ["two hosts", `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nHost: b\r\n${key}${length}\r\n${json}`],
  ["no host", `POST /v1/chat/completions HTTP/1.1\r\n${key}${length}\r\n${json}`, "served"],
  ["HTTP/1.0 with chunks", `POST /v1/chat/completions HTTP/1.0\r\n${key}Transfer-Encoding: chunked\r\n\r\n${chunkOf(json)}0\r\n\r\n`],
  ["HTTP/1.0 kept alive", `POST /v1/chat/completions HTTP/1.0\r\n${key}Connection: keep-alive\r\n${length}\r\n${json}`, "served"],
  ["a length that Connection names", `${lineAndHost}Connection: content-length\r\n${length}\r\n${json}`, "served"],
  ["Connection: close", `${lineAndHost}Connection: close\r\n${length}\r\n${json}`, "closed"],
  ["GET with a body", `GET /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`, "served"],
  ["HEAD with a body", `HEAD /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`, "served"],
  ["DELETE with a body", `DELETE /health/live HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`, "served"],
  ["GET in chunks", `GET /health/live HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunkOf(smuggled)}0\r\n\r\n`, "served"],
  [
    "a body for a path that does not exist",
    `POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    "served",
  ],
  ["a body without a key", `POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`, "served"],
  [
    "an upgrade to h2c",
    `${lineAndHost}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n${length}\r\n${json}`,
  ],
  [
    "an upgrade to a web socket",
    `GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n\r\n${smuggled}`,
  ],
  ["CONNECT", `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n${smuggled}`],
  ["PRI", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`],
  ["an expectation of 100", `${lineAndHost}Expect: 100-continue\r\n${length}\r\n${json}`, "served"],
  ["an expectation that does not exist", `${lineAndHost}Expect: 200-ok\r\n${length}\r\n${json}`, "served"],
];

export const smuggledRequests: readonly SmuggledRequest[] = [
  ...encodings.map(([name, header, expected = "refused"]) => {
    return { name: `encoding, ${name}`, bytes: `${lineAndHost}${header}\r\n\r\n${chunkOf(json)}0\r\n\r\n`, expected } as const;
  }),
  ...encodings.map(([name, header]) => {
    const body = `0\r\n\r\n${smuggled}`;
    const bytes = `${lineAndHost}Content-Length: ${body.length}\r\n${header}\r\n\r\n${body}`;
    return { name: `encoding with a length, ${name}`, bytes, expected: "refused" } as const;
  }),
  ...lengths.map(([name, header, expected = "refused"]) => ({
    name: `length, ${name}`,
    bytes: `${lineAndHost}${header}\r\n\r\nabcde`,
    expected,
  })),
  ...chunked.map(([name, body, expected = "refused"]) => {
    return { name: `chunks, ${name}`, bytes: `${lineAndHost}Transfer-Encoding: chunked\r\n\r\n${body}`, expected } as const;
  }),
  ...heads.map(([name, bytes, expected = "refused"]) => ({ name: `head, ${name}`, bytes, expected })),
];
