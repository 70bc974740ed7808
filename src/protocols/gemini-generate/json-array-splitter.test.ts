import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { latin1OfUtf8, maxEventBytes, utf8OfLatin1, type SseEvent } from "../../core/index.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";

function split(text: string, sizes: readonly number[]): { events: SseEvent[]; pending: string } {
  const splitter = new JsonArraySplitter();
  const events: SseEvent[] = [];
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)]!;
    events.push(...splitter.push(text.slice(at, at + size)));
    at += size;
  }
  events.push(...splitter.end());
  return { events, pending: splitter.pending };
}

test("an array is split into its elements, each with the text before it", () => {
  assert.deepEqual(split('[{"a":1}\n,\r\n{"b":"]}\\"{"}\n]\n', [1000]), {
    events: [
      { name: "", data: '{"a":1}', raw: '[{"a":1}' },
      { name: "", data: '{"b":"]}\\"{"}', raw: '\n,\r\n{"b":"]}\\"{"}' },
      { name: "", data: "", raw: "\n]\n" },
    ],
    pending: "",
  });
});

test("any array, cut anywhere: the elements are the elements, and the raws joined are the input", () => {
  const space = fc.constantFrom("", " ", "\n", "\r\n", "\t");
  const element = fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue());
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(element, { maxLength: 6 }), space, space, sizes, (elements, before, after, sizes) => {
      const texts = elements.map((each) => latin1OfUtf8(JSON.stringify(each)));
      const input = `${before}[${after}${texts.join(`${before},${after}`)}${before}]${after}`;
      const { events, pending } = split(input, sizes);
      assert.equal(pending, "");
      assert.equal(events.map(({ raw }) => raw).join(""), input);
      assert.deepEqual(
        events.filter(({ data }) => data !== "").map(({ data }) => data),
        texts,
      );
      assert.deepEqual(
        events.filter(({ data }) => data !== "").map(({ data }) => JSON.parse(utf8OfLatin1(data)) as unknown),
        JSON.parse(JSON.stringify(elements)),
      );
    }),
    { numRuns: 300 },
  );
});

test("an incomplete element is not an event", () => {
  assert.deepEqual(split('[{"a":1},\r\n{"b', [3]), { events: [{ name: "", data: '{"a":1}', raw: '[{"a":1}' }], pending: ',\r\n{"b' });
});

test("a lone object is an element", () => {
  assert.deepEqual(split('{"error":{}}\n', [1000]), {
    events: [
      { name: "", data: '{"error":{}}', raw: '{"error":{}}' },
      { name: "", data: "", raw: "\n" },
    ],
    pending: "",
  });
});

for (const text of ["<html>", "data: {}", "[1]", "[{}]x", "{},", '["a"]', "[{}}"]) {
  test(`${text} is refused`, () => {
    assert.throws(() => split(text, [1]), { code: "upstream_invalid_response" });
  });
}

test("an element larger than the limit is refused", () => {
  const splitter = new JsonArraySplitter();
  splitter.push('[{"a":"');
  assert.throws(() => splitter.push("x".repeat(maxEventBytes)), { code: "upstream_invalid_response" });
});
