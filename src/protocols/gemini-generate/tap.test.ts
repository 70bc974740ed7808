import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { latin1OfUtf8, asBytes } from "../../core/index.ts";
import { feed } from "../testing.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";
import { readAnswer } from "./read-answer.ts";
import { GeminiTap } from "./tap.ts";
import { callOf, fixture, generateCall } from "./testing.ts";

/** Google ends its lines with CRLF. */
const recorded = latin1OfUtf8(fixture("stream-tool-calls.sse").replaceAll("\n", "\r\n"));
const asArray = `[${recorded
  .split("\r\n\r\n")
  .filter((frame) => frame !== "")
  .map((frame) => frame.slice("data: ".length))
  .join("\n,\r\n")}\n]\n`;
const facts = {
  model: "gemini-3.8-flash",
  id: "r87fc6f97fbaf46a2fed6bcad",
  usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
  stopReason: "STOP",
};
const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 });
const frame = (chunk: unknown) => `data: ${JSON.stringify(chunk)}\r\n\r\n`;
const chunk = (parts: unknown[], rest: object = {}, top: object = {}) =>
  frame({ candidates: [{ content: { parts, role: "model" }, ...rest }], ...top });

test("a recorded stream passes unchanged and gives its facts, cut anywhere", () => {
  fc.assert(
    fc.property(sizes, (sizes) => {
      const tap = new GeminiTap();
      assert.equal(feed(tap, recorded, sizes), recorded);
      assert.deepEqual(tap.facts, facts);
      assert.deepEqual([tap.opened, tap.finished, tap.ended, tap.error, tap.completion()], [true, true, false, undefined, ""]);
    }),
    { numRuns: 60 },
  );
});

test("the array form passes unchanged and gives the same facts; a missing bracket at the end is added", () => {
  fc.assert(
    fc.property(sizes, (sizes) => {
      const tap = new GeminiTap();
      assert.equal(feed(tap, asArray, sizes, new JsonArraySplitter()), asArray);
      assert.deepEqual([tap.facts, tap.finished, tap.completion()], [facts, true, ""]);
      const cut = new GeminiTap();
      const passed = feed(cut, asArray.slice(0, -2), sizes, new JsonArraySplitter()) + cut.completion();
      assert.deepEqual(JSON.parse(passed), JSON.parse(asArray));
    }),
    { numRuns: 60 },
  );
});

const openings: readonly (readonly [name: string, stream: string, opened: boolean])[] = [
  ["an empty text", chunk([{ text: "" }]), false],
  ["no parts", chunk([]), false],
  ["usage alone", frame({ usageMetadata: { promptTokenCount: 1 } }), false],
  ["a text", chunk([{ text: "a" }]), true],
  ["a thought", chunk([{ text: "a", thought: true }]), true],
  ["a call", chunk([{ functionCall: { name: "f" } }]), true],
  ["the end", chunk([], { finishReason: "STOP" }), true],
  ["a blocked prompt", frame({ promptFeedback: { blockReason: "SAFETY" } }), true],
];
for (const [name, stream, opened] of openings) {
  test(`${name} ${opened ? "opens" : "does not open"} the answer`, () => {
    const tap = new GeminiTap();
    feed(tap, stream, [100]);
    assert.equal(tap.opened, opened);
  });
}

test("a blocked prompt is a complete answer", () => {
  const tap = new GeminiTap();
  feed(tap, frame({ promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 4 } }), [100]);
  assert.deepEqual([tap.facts, tap.finished], [{ stopReason: "SAFETY", usage: { input: 4 }, isBlocked: true }, true]);
});

test("an unspecified finish reason is not an end", () => {
  const tap = new GeminiTap();
  feed(tap, chunk([{ text: "a" }], { finishReason: "FINISH_REASON_UNSPECIFIED" }), [100]);
  assert.deepEqual([tap.finished, tap.facts], [false, {}]);
});

test("usage is read at any place: early, in the middle of content, after the end", () => {
  const tap = new GeminiTap();
  feed(tap, chunk([{ text: "a" }], {}, { usageMetadata: { promptTokenCount: 7, cachedContentTokenCount: 3 }, responseId: "r" }), [100]);
  assert.deepEqual(tap.facts, { id: "r", usage: { input: 7, cacheRead: 3 } });
  feed(tap, chunk([{ text: "b" }], {}, { usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 2 } }), [100]);
  feed(tap, chunk([{ text: "c" }]), [100]);
  assert.deepEqual(tap.facts.usage, { input: 7, cacheRead: 3, output: 2 });
  feed(tap, chunk([{ text: "" }], { finishReason: "STOP" }), [100]);
  feed(
    tap,
    frame({ usageMetadata: { promptTokenCount: 8, toolUsePromptTokenCount: 5, candidatesTokenCount: 3, thoughtsTokenCount: 4 } }),
    [100],
  );
  assert.deepEqual(tap.facts, { id: "r", stopReason: "STOP", usage: { input: 13, cacheRead: 3, output: 7, reasoning: 4 } });
});

test("the last usage wins, although the one before was not read until then", () => {
  const tap = new GeminiTap();
  const usage = (candidatesTokenCount: number) => ({ usageMetadata: { candidatesTokenCount } });
  const stream =
    chunk([{ text: "a" }], {}, usage(1)) + chunk([{ text: "b" }], {}, usage(2)) + chunk([], { finishReason: "STOP" }, usage(5));
  feed(tap, stream, [100]);
  assert.deepEqual(tap.facts.usage, { output: 5 });
});

test("content that contains the words finishReason and error is neither", () => {
  const tap = new GeminiTap();
  const text = '{"error":{"code":503},"finishReason":"STOP","usageMetadata":{"promptTokenCount":1}}';
  const args = { error: { code: 503 }, finishReason: "STOP", usageMetadata: { promptTokenCount: 99 } };
  const stream = chunk([{ text: "a" }]) + chunk([{ text }]) + chunk([{ functionCall: { name: "f", args } }]);
  assert.equal(feed(tap, stream, [100]), stream);
  assert.deepEqual([tap.facts, tap.finished, tap.error], [{}, false, undefined]);
});

const errors: readonly (readonly [error: object, expected: object])[] = [
  [
    {
      code: 429,
      message: "Zu viel ✓",
      status: "RESOURCE_EXHAUSTED",
      details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "R" }],
    },
    { status: 429, message: "Zu viel ✓", type: "RESOURCE_EXHAUSTED", code: "R" },
  ],
  [
    { status: "UNAVAILABLE", message: "m" },
    { status: 503, message: "m", type: "UNAVAILABLE" },
  ],
  [{ message: "m" }, { status: 500, message: "m" }],
];
for (const [error, expected] of errors) {
  test(`an error chunk ${JSON.stringify(error).slice(0, 50)}, first or later`, () => {
    for (const before of ["", chunk([{ text: "a" }])]) {
      const tap = new GeminiTap();
      feed(tap, before + latin1OfUtf8(frame({ error })), [100]);
      assert.deepEqual(tap.error, expected);
    }
  });
}

test("an event that is not JSON passes on and changes nothing", () => {
  const tap = new GeminiTap();
  const stream = 'data: {"broken\r\n\r\ndata: 7\r\n\r\n: comment\r\n\r\n';
  assert.equal(feed(tap, stream, [9]), stream);
  assert.deepEqual([tap.facts, tap.opened, tap.error], [{}, false, undefined]);
});

test("a JSON answer gives the same facts, an embedding its usage, a token count none", () => {
  assert.deepEqual(readAnswer(latin1OfUtf8(fixture("answer.json")), generateCall), {
    usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
    model: "gemini-3.8-flash",
    id: "r3bd937dbfffc44fe21c55613",
    stopReason: "STOP",
  });
  const embedCall = callOf("POST /v1beta/models/{model}:embedContent");
  assert.deepEqual(readAnswer(asBytes('{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":3}}'), embedCall), {
    usage: { input: 3 },
  });
  assert.deepEqual(readAnswer(asBytes('{"totalTokens":3}'), callOf("POST /v1beta/models/{model}:countTokens")), {});
  assert.deepEqual(readAnswer(asBytes('{"candidates":[]}'), generateCall), {});
  assert.throws(() => readAnswer(asBytes("[{}]"), generateCall), { code: "invalid_json" });
});
