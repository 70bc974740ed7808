import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "./errors.ts";
import { asBytes, utf8OfLatin1 } from "./bytes.ts";
import { latin1OfEvents, maxEventBytes, SseSplitter, type SseEvent } from "./sse.ts";

function split(pieces: readonly string[]): SseEvent[] {
  const splitter = new SseSplitter();
  return [...pieces.flatMap((piece) => splitter.push(asBytes(piece))), ...splitter.end()];
}

const simple = (event: SseEvent): [string, string] => [event.name, event.data];

test("reads events with LF, CR and CRLF, a BOM, comments and no space after the colon", () => {
  const expected = [
    ["", "one"],
    ["named", "two\nlines"],
    ["", ""],
    ["", "[DONE]"],
  ];
  for (const eol of ["\n", "\r", "\r\n"]) {
    const text = `\u00ef\u00bb\u00bfdata: one${eol}${eol}event: named${eol}data:two${eol}data: lines${eol}id: 7${eol}${eol}: comment${eol}${eol}data: [DONE]${eol}${eol}`;
    assert.deepEqual(split([text]).map(simple), expected, JSON.stringify(eol));
  }
});

test("the events are the same wherever the bytes are cut, and the raw events joined are the input", () => {
  const line = fc.constantFrom("data: x", "data:y", "event: e", ": c", "data", "id: 1", 'data: {"a":"é"}');
  const eol = fc.constantFrom("\n", "\r", "\r\n");
  fc.assert(
    fc.property(fc.array(fc.tuple(line, eol, fc.boolean())), eol, fc.array(fc.nat(400)), (lines, last, cuts) => {
      const text = `${lines.map(([content, end, blank]) => content + end + (blank ? end : "")).join("")}data: end${last}${last}`;
      const points = [...new Set(cuts.map((cut) => cut % text.length))].toSorted((a, b) => a - b);
      const pieces = [0, ...points].map((start, i) => text.slice(start, points[i] ?? text.length));
      const whole = split([text]);
      assert.deepEqual(split(pieces), whole);
      assert.deepEqual(split(text.split("")), whole);
    }),
    { numRuns: 500 },
  );
});

test("long events are the same wherever the bytes are cut", () => {
  const long = `data: ${"é".repeat(3000)}\n\r${"x".repeat(2000)}`;
  const piece = fc.constantFrom("data: x", long, `event: ${"n".repeat(5000)}`);
  const eol = fc.constantFrom("\n", "\r", "\r\n");
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, eol)), fc.array(fc.tuple(fc.nat(), fc.nat(4))), (events, cuts) => {
      const text = events.map(([content, end]) => content + end + end).join("");
      // Also cuts right beside each other, and beside an end of an event.
      const points = [...cuts.map(([at, more]) => at + more), ...events.map((_, i) => text.indexOf("x\r", i) + 1)];
      const sorted = [...new Set(points.map((at) => at % (text.length + 1)))].toSorted((a, b) => a - b);
      const pieces = [0, ...sorted].map((start, i) => text.slice(start, sorted[i] ?? text.length));
      const whole = split([text]);
      assert.deepEqual(split(pieces), whole);
      assert.deepEqual(split(text.match(/[^]{1,3}/g) ?? []), whole);
      const splitter = new SseSplitter();
      assert.equal(
        pieces
          .flatMap((part) => splitter.push(asBytes(part)))
          .map(({ raw }) => raw)
          .join("") + splitter.pending,
        text,
      );
    }),
    { numRuns: 60 },
  );
});

test("the work on a long event grows with its length, however small its pieces are", () => {
  const piece = asBytes("x".repeat(128));
  const splitter = new SseSplitter();
  const begun = process.cpuUsage();
  splitter.push(asBytes("data: "));
  for (let at = 0; at < maxEventBytes - 1024; at += piece.length) assert.deepEqual(splitter.push(piece), []);
  assert.equal(splitter.push(asBytes("\n\n"))[0]?.data.length, maxEventBytes - 1024);
  const { user, system } = process.cpuUsage(begun);
  // A tenth of that. If each piece is joined with what came before it, it is a hundred times as much.
  assert.ok(user + system < 2_000_000, `${Math.round((user + system) / 1000)} ms`);
});

test("the raw bytes of complete events joined are the input", () => {
  const text = "data: a\n\nevent: b\r\ndata: c\r\n\r\n: ping\n\n";
  const splitter = new SseSplitter();
  assert.equal(
    splitter
      .push(asBytes(text))
      .map((event) => event.raw)
      .join("") + splitter.pending,
    text,
  );
});

test("a last event without its blank line is returned", () => {
  assert.deepEqual(
    split(["data: a\n\ndata: b\n"]).map((event) => event.raw),
    ["data: a\n\n", "data: b\n\n"],
  );
});

test("stops reading an event that never ends", () => {
  const splitter = new SseSplitter();
  const piece = "x".repeat(64 * 1024);
  assert.throws(() => {
    for (let size = 0; size <= maxEventBytes + piece.length; size += piece.length) splitter.push(asBytes(piece));
  }, GatewayError);
});

test("characters that some readers treat as line ends are escaped in events, and decode to the original text", () => {
  const said = { text: "é\u0085a\u2028b\u2029c\n日本" };
  const written = utf8OfLatin1(latin1OfEvents(`data: ${JSON.stringify(said)}\n\n`));
  assert.deepEqual(written.split(/[\n\u0085\u2028\u2029]/), [`data: ${written.slice(6, -2)}`, "", ""]);
  assert.deepEqual(JSON.parse(written.slice(6)), said);
});

test("many events with CRLF give the same result in one push as one by one", () => {
  const events = Array.from({ length: 20_000 }, (_, index) => `data: ${index}\r\n\r\n`);
  const cut = new SseSplitter().push(asBytes(`${events.join("")}data: last\n\n`));
  assert.deepEqual(
    cut.map(({ raw }) => raw),
    [...events, "data: last\n\n"],
  );
});
