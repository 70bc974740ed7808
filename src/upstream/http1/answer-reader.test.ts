import assert from "node:assert/strict";
import { test } from "node:test";
import { compareReaders, readOurs, seeded } from "../../../tests/testbed/answer-fuzz.ts";
import { LlhttpReader, type ReadAnswer } from "../../../tests/testbed/llhttp.ts";

const ok = "HTTP/1.1 200 OK\r\n";

function read(text: string, pieceBytes = text.length): ReadAnswer {
  const bytes = Buffer.from(text, "latin1");
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) parts.push(bytes.subarray(at, at + pieceBytes));
  return readOurs(parts, () => 1);
}

function whole(more: Partial<Extract<ReadAnswer, { readonly outcome: "whole" }>>): ReadAnswer {
  return { outcome: "whole", status: 200, headers: [], body: "", isKept: true, hasMore: false, ...more };
}

test("random and broken answers are understood as llhttp understands them, or refused", () => {
  const { whole: answers, refused } = compareReaders(20_261_129, 10_000);
  assert.ok(answers > 3_000 && refused > 3_000, `${answers} whole, ${refused} refused`);
});

test("the comparison notices a reader that understands an answer differently", () => {
  const text = `${ok}content-length: 3\r\n\r\nabc`;
  const llhttp = new LlhttpReader();
  assert.deepEqual(read(text), llhttp.read([Buffer.from(text)]));
  assert.notDeepEqual(read(`${ok}content-length: 2\r\n\r\nabc`), llhttp.read([Buffer.from(text)]));
});

test("the end of an answer is its length, its last chunk or the end of the connection, in pieces of any size", () => {
  const rows: readonly (readonly [text: string, answer: ReadAnswer])[] = [
    [`${ok}Content-Length: 3\r\n\r\nabc`, whole({ headers: ["Content-Length", "3"], body: "abc" })],
    [`${ok}content-length: 3\r\n\r\nabcd`, whole({ headers: ["content-length", "3"], body: "abc", hasMore: true })],
    [
      `${ok}transfer-encoding: chunked\r\n\r\n2;a=b;c="d;e"\r\nab\r\n0A\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n`,
      whole({ headers: ["transfer-encoding", "chunked"], body: "ab0123456789" }),
    ],
    [`${ok}x:  a b \t\r\n\r\nabc`, whole({ headers: ["x", "a b"], body: "abc", isKept: false })],
    ["HTTP/1.1 204 No Content\r\n\r\n", whole({ status: 204 })],
    ["HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", whole({ status: 304, headers: ["content-length", "9"], isKept: false })],
    [
      `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\n${ok}content-length: 0\r\n\r\n`,
      whole({ headers: ["content-length", "0"] }),
    ],
    ["HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", whole({ headers: ["content-length", "1"], body: "a", isKept: false })],
  ];
  for (const [text, answer] of rows) {
    for (const pieceBytes of [1, 2, 7, text.length])
      assert.deepEqual([text, pieceBytes, read(text, pieceBytes)], [text, pieceBytes, answer]);
  }
});

test("what could be taken for two different answers is refused", () => {
  const chunks = `${ok}transfer-encoding: chunked\r\n`;
  const rows: readonly (readonly [text: string, reason: string])[] = [
    [`${chunks}content-length: 2\r\n\r\n2\r\nab\r\n0\r\n\r\n`, "both a length and chunks"],
    [`${ok}content-length: 2\r\ncontent-length: 2\r\n\r\nab`, "two lengths"],
    [`${ok}content-length: +2\r\n\r\nab`, "a length that is not a number"],
    [`${ok}content-length: 2\t\r\n\r\nab`, "a length that is not a number"],
    [`${ok}transfer-encoding: gzip, chunked\r\n\r\n`, "an unknown transfer encoding"],
    [`${ok}transfer-encoding: chunked\t\r\n\r\n0\r\n\r\n`, "an unknown transfer encoding"],
    [`${ok}content-length : 2\r\n\r\nab`, "a header without a name"],
    [`${ok}x: a\r\n content-length: 2\r\n\r\nab`, "a header without a name"],
    [`${ok}x: a\x7fb\r\n\r\n`, "a line with a character that is not allowed"],
    [`${ok}x: a\ncontent-length: 2\r\n`, "a line that does not end as it should"],
    [`${ok}x: a\x00b\r\n\r\n`, "a line with a character that is not allowed"],
    [`${ok}x: a\n\n`, "a line that does not end as it should"],
    ["HTTP/1.1 200 OK\n\n", "a line that does not end as it should"],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", "an unknown protocol"],
    ["HTTP/2.0 200 OK\r\n\r\n", "an unknown protocol"],
    ["SSH-2.0", "an unknown protocol"],
    [`${chunks}\r\n2 \r\nab\r\n0\r\n\r\n`, "a chunk's size that is not a number"],
    [`${chunks}\r\n0x2\r\nab\r\n0\r\n\r\n`, "a chunk's size that is not a number"],
    [`${chunks}\r\n2\nab\r\n0\r\n\r\n`, "a chunk's size that is not a number"],
    [`${chunks}\r\n\r\n`, "a chunk without a size"],
    [`${chunks}\r\n2\r\nabc\r\n0\r\n\r\n`, "a chunk that does not end where it should"],
    [`${chunks}\r\n2\r\nab\n0\r\n\r\n`, "a chunk that does not end where it should"],
    [`${chunks}\r\n0\r\ncontent-length: 2\r\n\r\n`, "a length after the body"],
    [`${chunks}\r\n10000000000000\r\n`, "a chunk of unbounded size"],
    [`${chunks}\r\n2;a=${"b".repeat(5_000)}`, "a chunk's extension that is too long"],
    [`${chunks}\r\n0\r\nx: ${"y".repeat(20_000)}`, "a trailer that is too large"],
  ];
  for (const [text, reason] of rows) {
    const refused = { outcome: "refused", reason: `sent something that is not HTTP (${reason}). Check base_url's scheme and port.` };
    for (const pieceBytes of [1, text.length]) assert.deepEqual([text, read(text, pieceBytes)], [text, refused]);
  }
});

test("a head of at most 16 KiB is read; an answer to nothing is refused", () => {
  const filled = (bytes: number): string => `${ok}content-length: 0\r\nx: ${"y".repeat(bytes - ok.length - 22)}\r\n\r\n`;
  assert.equal(read(filled(16 * 1024)).outcome, "whole");
  const tooLarge = { outcome: "refused", reason: "sent a head that is too large." };
  assert.deepEqual([read(filled(17 * 1024)), read(filled(100 * 1024), 1_000)], [tooLarge, tooLarge]);
  const stray = { outcome: "refused", reason: "sent something that is not an answer to the request." };
  assert.deepEqual([read("HTTP/1.1 100 Continue\r\n\r\n"), read("HTTP/1.1 101 Up\r\nupgrade: x\r\n\r\n")], [stray, stray]);
});

test("the same seed gives the same answers", () => {
  const draw = (): number[] => {
    const random = seeded(7);
    return [random(), random(), random()];
  };
  assert.deepEqual(draw(), draw());
});
