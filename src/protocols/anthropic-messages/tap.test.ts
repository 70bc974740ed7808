import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { latin1OfUtf8, asBytes } from "../../core/index.ts";
import { feed } from "../testing.ts";
import { readAnswer } from "./read-answer.ts";
import { AnthropicTap } from "./tap.ts";
import { callOf, fixture, generateCall } from "./testing.ts";

const recorded = latin1OfUtf8(fixture("stream-tool-use.sse"));
const facts = {
  model: "claude-sonnet-4-5",
  id: "msg_3ac2b475525c2429ab620a9f",
  usage: { input: 1200, output: 60, cacheRead: 800, cacheWrite5m: 100, cacheWrite1h: 0 },
  stopReason: "tool_use",
};
const frame = (data: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const started = (usage: object) => frame({ type: "message_start", message: { id: "m", model: "x", usage } });
const ended = (usage: object) => frame({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage });

/** The state of a tap after each event of a stream. */
function watch(stream: string): { opened: boolean; finished: boolean; ended: boolean; error: unknown }[] {
  const tap = new AnthropicTap();
  return stream.split(/(?<=\n\n)/).map((event) => {
    feed(tap, event, [event.length]);
    const { opened, finished, ended, error } = tap;
    return { opened, finished, ended, error };
  });
}

test("a recorded stream passes unchanged and gives its facts, cut anywhere", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      const tap = new AnthropicTap();
      assert.equal(feed(tap, recorded, sizes), recorded);
      assert.deepEqual(tap.facts, facts);
      assert.deepEqual([tap.opened, tap.finished, tap.ended, tap.error, tap.completion()], [true, true, true, undefined, ""]);
    }),
    { numRuns: 60 },
  );
});

test("CRLF, comments, missing or other event names give the same facts", () => {
  for (const stream of [
    recorded.replaceAll("\n", "\r\n"),
    `: hello\n\n${recorded}`,
    recorded.replaceAll(/event: \w+\n/g, ""),
    recorded.replaceAll(/event: \w+\n/g, "event: message\n"),
  ]) {
    const tap = new AnthropicTap();
    assert.equal(feed(tap, stream, [97]), stream);
    assert.deepEqual([tap.facts, tap.ended], [facts, true]);
  }
});

const openings: readonly (readonly [name: string, block: object, opens: boolean])[] = [
  ["an empty text", { type: "text", text: "" }, false],
  ["a text", { type: "text", text: "a" }, true],
  ["thinking", { type: "thinking", thinking: "", signature: "" }, true],
  ["redacted thinking", { type: "redacted_thinking", data: "x" }, true],
  ["a tool call", { type: "tool_use", id: "t", name: "n", input: {} }, true],
  ["a server tool", { type: "server_tool_use", id: "t", name: "n", input: {} }, true],
];
for (const [name, block, opens] of openings) {
  test(`${name} ${opens ? "opens" : "does not open"} the answer`, () => {
    const stream = started({}) + frame({ type: "ping" }) + frame({ type: "content_block_start", index: 0, content_block: block });
    assert.deepEqual(
      watch(stream).map(({ opened }) => opened),
      [false, false, opens],
    );
  });
}

test("a first delta opens the answer, and so does its regular end", () => {
  const delta = frame({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "a" } });
  assert.equal(watch(started({}) + delta)[1]?.opened, true);
  assert.deepEqual(watch(started({}) + ended({ output_tokens: 0 }))[1], { opened: true, finished: true, ended: false, error: undefined });
});

test("an answer with its stop reason but without message_stop is completed; an answer without its stop reason is not", () => {
  const tap = new AnthropicTap();
  feed(tap, started({}), [50]);
  assert.equal(tap.completion(), "");
  feed(tap, ended({ output_tokens: 1 }), [50]);
  assert.equal(tap.completion(), 'event: message_stop\ndata: {"type":"message_stop"}\n\n');
});

test("data after the end is not passed on", () => {
  const tap = new AnthropicTap();
  const stop = frame({ type: "message_stop" });
  assert.equal(feed(tap, started({}) + ended({}) + stop + ended({ output_tokens: 5 }), [70]), started({}) + ended({}) + stop);
  assert.equal(tap.facts.usage, undefined);
});

const usages: readonly (readonly [name: string, start: object, end: object, usage: object | undefined])[] = [
  ["real numbers only at the end", { input_tokens: 0, output_tokens: 0 }, { input_tokens: 70, output_tokens: 9 }, { input: 70, output: 9 }],
  [
    "input at the start, the cache at the end",
    { input_tokens: 300, output_tokens: 1 },
    { cache_read_input_tokens: 800, output_tokens: 9 },
    { input: 1100, output: 9, cacheRead: 800 },
  ],
  [
    "nulls leave what was known",
    { input_tokens: 300, cache_read_input_tokens: 5, output_tokens: 1 },
    { input_tokens: null, cache_read_input_tokens: null, output_tokens: 9, output_tokens_details: null },
    { input: 305, output: 9, cacheRead: 5 },
  ],
  [
    "writes with two lifetimes, and thinking",
    { input_tokens: 1, cache_creation_input_tokens: 30, cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 } },
    { output_tokens: 9, output_tokens_details: { thinking_tokens: 4 } },
    { input: 31, output: 9, cacheWrite5m: 10, cacheWrite1h: 20, reasoning: 4 },
  ],
  [
    "a later total of writes",
    { input_tokens: 1, cache_creation_input_tokens: 0, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 20 } },
    { cache_creation_input_tokens: 50, output_tokens: 9 },
    { input: 51, output: 9, cacheWrite5m: 30, cacheWrite1h: 20 },
  ],
  ["a total of writes without lifetimes", { input_tokens: 1, cache_creation_input_tokens: 7 }, {}, { input: 8, cacheWrite5m: 7 }],
  ["invalid counts are ignored", { input_tokens: -1, output_tokens: "9" }, { output_tokens: 1e308 }, undefined],
];
for (const [name, start, end, usage] of usages) {
  test(`usage: ${name}`, () => {
    const tap = new AnthropicTap();
    feed(tap, started(start) + ended(end), [80]);
    assert.deepEqual(tap.facts.usage, usage);
    assert.deepEqual(tap.facts, { id: "m", model: "x", stopReason: "end_turn", ...(usage === undefined ? {} : { usage }) });
  });
}

const errors: readonly (readonly [type: string, status: number])[] = [
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["rate_limit_error", 429],
  ["api_error", 500],
  ["timeout_error", 504],
  ["overloaded_error", 529],
  ["new_error", 500],
];
for (const [type, status] of errors) {
  test(`an error event ${type} means status ${status}`, () => {
    const stream = started({}) + frame({ type: "error", error: { type, message: "Zu viel ✓", details: { error_code: "c" } } });
    const [, last] = watch(latin1OfUtf8(stream));
    assert.deepEqual(last, { opened: false, finished: false, ended: false, error: { status, message: "Zu viel ✓", type, code: "c" } });
  });
}

test("an event that is not JSON passes on and changes nothing, but an error event with any data is an error", () => {
  const tap = new AnthropicTap();
  const stream = 'event: message_start\ndata: {"broken\n\nevent: message_delta\ndata: 7\n\ndata: nope\n\nevent: error\ndata: oh no\n\n';
  assert.equal(feed(tap, stream, [9]), stream);
  assert.deepEqual([tap.facts, tap.opened, tap.finished], [{}, false, false]);
  assert.deepEqual(tap.error, { status: 502, message: "oh no" });
});

test("a JSON answer gives the same facts, and a token count gives none", () => {
  assert.deepEqual(readAnswer(latin1OfUtf8(fixture("answer.json")), generateCall), {
    usage: { input: 1200, output: 60, cacheRead: 800, cacheWrite5m: 100, cacheWrite1h: 0 },
    model: "claude-sonnet-4-5",
    id: "msg_f3f41e2fda580287bc89cfe9",
    stopReason: "end_turn",
  });
  assert.deepEqual(readAnswer(asBytes('{"input_tokens":1234}'), callOf("POST /v1/messages/count_tokens")), {});
  assert.deepEqual(readAnswer(asBytes('{"stop_reason":null,"usage":null}'), generateCall), {});
  assert.throws(() => readAnswer(asBytes("<html>"), generateCall), { code: "invalid_json" });
});
