import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "node:test";
import { GatewayError, latin1OfUtf8, SseSplitter, asBytes } from "../../core/index.ts";
import { AnsweredError } from "../shared/answered-error.ts";
import { collect, replay, type Block, type ChatResponse, type StreamEvent } from "../../ir/index.ts";
import type { ToolNames } from "../translation.ts";
import { clientOf, encode, fixture } from "./testing.ts";
import { anthropicMessagesUpstream } from "./upstream.ts";
import { parseResponse } from "./parse-response.ts";
import { renderResponse } from "./render-response.ts";

const client = clientOf();

/** Decodes a stream (text), cut into pieces of `size` bytes. */
function decode(stream: string, size = Number.POSITIVE_INFINITY, toolNames?: ToolNames): StreamEvent[] {
  const bytes = latin1OfUtf8(stream);
  const splitter = new SseSplitter();
  const decoder = anthropicMessagesUpstream.createStreamDecoder(toolNames);
  const step = Math.min(size, bytes.length);
  const events: StreamEvent[] = [];
  for (let at = 0; at < bytes.length; at += step)
    for (const event of splitter.push(asBytes(bytes.slice(at, at + step)))) events.push(...decoder.push(event));
  for (const event of splitter.end()) events.push(...decoder.push(event));
  return [...events, ...decoder.end()];
}

/** A stream of `data:` lines with their event names. */
function streamOf(...events: readonly Record<string, unknown>[]): string {
  return events.map((event) => `event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

const start = { type: "message_start", message: { id: "msg_1", model: "m", content: [], usage: { input_tokens: 5, output_tokens: 1 } } };
const begun: StreamEvent = { type: "message-start", id: "msg_1", model: "m", createdAt: 0, usage: { input: 5, output: 1 } };
const textDelta = (index: number, text: string): Record<string, unknown> => ({
  type: "content_block_delta",
  index,
  delta: { type: "text_delta", text },
});

const text = fc.string({ unit: "grapheme", minLength: 1 });
const proof = text.map((data) => ({ protocol: "anthropic-messages", kind: "signature", data: `s${data}` }) as const);
const block: fc.Arbitrary<Block> = fc.oneof(
  text.map((value): Block => ({ type: "text", text: value })),
  fc.record({ text, proof }).map((fields): Block => ({ type: "reasoning", ...fields })),
  proof.map((value): Block => ({ type: "reasoning", text: "", proof: value })),
  text.map((data): Block => ({ type: "reasoning", text: "", proof: { protocol: "anthropic-messages", kind: "redacted", data } })),
  fc
    .record({
      id: fc.uuid(),
      name: fc.constantFrom("bash", "read"),
      value: fc.dictionary(text, fc.jsonValue()),
      indent: fc.integer({ min: 0, max: 2 }),
    })
    .map(({ id, name, value, indent }): Block => ({
      type: "tool-call",
      id,
      name,
      kind: "function",
      arguments: JSON.stringify(value, null, indent),
    })),
);
const count = fc.integer({ min: 0, max: 1e6 });
const response: fc.Arbitrary<ChatResponse> = fc
  .record({
    content: fc.array(block, { maxLength: 5 }),
    stopReason: fc.constantFrom("length", "tool-calls", "pause", "refusal", "context-window"),
    usage: fc.record({ input: count, output: count, cacheRead: count, reasoning: count }),
  })
  .map(({ usage, ...fields }): ChatResponse => ({
    id: "msg_1",
    model: "claude-alias",
    createdAt: 0,
    ...fields,
    usage: { ...usage, input: usage.input + usage.cacheRead },
  }));

const words: Readonly<Record<string, string>> = {
  length: "max_tokens",
  "tool-calls": "tool_use",
  pause: "pause_turn",
  refusal: "refusal",
  "context-window": "model_context_window_exceeded",
};

test("law: a stream, cut anywhere, and the JSON of the same answer decode to the same answer", () => {
  fc.assert(
    fc.property(response, fc.integer({ min: 1, max: 40 }), (answer, size) => {
      const expected = { ...answer, rawStopReason: words[answer.stopReason] };
      assert.deepEqual(parseResponse(renderResponse(answer, client)), expected);
      const wire = encode(replay(answer), client);
      assert.deepEqual(collect(decode(wire)), expected);
      assert.deepEqual(decode(wire, size), decode(wire));
    }),
    { numRuns: 200 },
  );
});

test("a recorded JSON answer is parsed", () => {
  assert.deepEqual(parseResponse(fixture("answer.json")), {
    id: "msg_f3f41e2fda580287bc89cfe9",
    model: "claude-sonnet-4-5",
    createdAt: 0,
    content: [{ type: "text", text: '{"a":"mock"}' }],
    stopReason: "stop",
    rawStopReason: "end_turn",
    usage: { input: 1200, output: 60, cacheRead: 800, cacheWrite5m: 100, cacheWrite1h: 0 },
    extensions: { "anthropic-messages": { usage: { service_tier: "standard", inference_geo: "not_available" } } },
  });
});

test("a recorded stream gives the same events wherever it is cut, and every block ends", () => {
  const stream = fixture("stream-tool-use.sse");
  const events = decode(stream);
  for (const size of [1, 2, 7, 100]) assert.deepEqual(decode(stream, size), events);
  assert.equal(events.filter(({ type }) => type === "block-start").length, events.filter(({ type }) => type === "block-end").length);
  assert.deepEqual(events.at(-1), { type: "message-end" });
  const { content, stopReason } = collect(events);
  assert.equal(stopReason, "tool-calls");
  assert.ok(content.some((each) => each.type === "tool-call" && Object.keys(JSON.parse(each.arguments) as object).length > 0));
});

test("arguments keep their spelling", () => {
  const body =
    '{"id":"m","model":"x","content":[{"type":"text","text":"é"},{"type":"tool_use","id":"t","name":"n","input":{ "a": 1.0, "b": 12345678901234567890 }}],"stop_reason":"tool_use"}';
  assert.deepEqual(parseResponse(body).content[1], {
    type: "tool-call",
    id: "t",
    name: "n",
    kind: "function",
    arguments: '{ "a": 1.0, "b": 12345678901234567890 }',
  });
});

test("names are restored; free text and answers given by a tool are unwrapped", () => {
  const toolNames: ToolNames = new Map([
    ["ns__f", { name: "f", namespace: "ns", kind: "function" }],
    ["patch", { name: "patch", kind: "custom" }],
    ["answer_in_json", { name: "answer_in_json", kind: "answer" }],
  ]);
  const calls: readonly (readonly [name: string, input: string])[] = [
    ["ns__f", '{"x":1}'],
    ["patch", '{"input":"a\\n\\"é\\""}'],
    ["answer_in_json", '{"a":"b"}'],
  ];
  const content: Block[] = [
    { type: "tool-call", id: "t0", name: "f", namespace: "ns", kind: "function", arguments: '{"x":1}' },
    { type: "tool-call", id: "t1", name: "patch", kind: "custom", arguments: 'a\n"é"' },
    { type: "text", text: '{"a":"b"}' },
  ];
  const blocks = calls.map(([name, input], at) => `{"type":"tool_use","id":"t${at}","name":"${name}","input":${input}}`);
  assert.deepEqual(parseResponse(`{"id":"m","content":[${blocks.join(",")}],"stop_reason":"tool_use"}`, toolNames).content, content);
  const events = calls.flatMap(([name, input], index) => [
    { type: "content_block_start", index, content_block: { type: "tool_use", id: `t${index}`, name, input: {} } },
    ...Array.from(input, (piece) => ({ type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json: piece } })),
    { type: "content_block_stop", index },
  ]);
  const wire = streamOf(start, ...events, { type: "message_delta", delta: { stop_reason: "tool_use" } }, { type: "message_stop" });
  assert.deepEqual(collect(decode(wire, 5, toolNames)).content, content);
  const answered = `{"id":"m","content":[${blocks[2]}],"stop_reason":"tool_use"}`;
  assert.equal(parseResponse(answered, toolNames).stopReason, "stop");
});

test("blocks of the vendor's own tools stay opaque, with the input that was streamed", () => {
  const wire = streamOf(
    start,
    { type: "content_block_start", index: 0, content_block: { type: "server_tool_use", id: "s", name: "web_search", input: {} } },
    { type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json: '{"query":"x"}' } },
    { type: "content_block_stop", index: 0 },
    { type: "message_stop" },
  );
  assert.deepEqual(collect(decode(wire)).content, [
    {
      type: "opaque",
      protocol: "anthropic-messages",
      value: { type: "server_tool_use", id: "s", name: "web_search", input: { query: "x" } },
    },
  ]);
});

test("a call without input has empty arguments, and a call with its whole input at the start has that input", () => {
  const wire = streamOf(
    start,
    { type: "content_block_start", index: 0, content_block: { type: "tool_use", id: "a", name: "n", input: {} } },
    { type: "content_block_stop", index: 0 },
    { type: "content_block_start", index: 1, content_block: { type: "tool_use", id: "b", name: "n", input: { x: 1 } } },
    { type: "content_block_stop", index: 1 },
    { type: "message_stop" },
  );
  assert.deepEqual(
    collect(decode(wire)).content.map((each) => (each.type === "tool-call" ? each.arguments : "")),
    ["{}", '{"x":1}'],
  );
});

test("pings are passed on, unknown events and deltas are ignored, a delta without its start begins a block", () => {
  const wire = streamOf(
    start,
    { type: "ping" },
    { type: "brand_new", index: 0 },
    textDelta(0, "a"),
    { type: "content_block_delta", index: 0, delta: { type: "brand_new_delta" } },
    { type: "content_block_delta", index: 9, delta: { type: "input_json_delta", partial_json: "{" } },
    { type: "content_block_stop", index: 7 },
    { type: "message_delta", delta: { stop_reason: "stop_sequence", stop_sequence: "END" }, usage: { output_tokens: 3 } },
    { type: "message_stop" },
    textDelta(1, "after the end"),
  );
  assert.deepEqual(decode(wire), [
    begun,
    { type: "ping" },
    { type: "block-start", index: 0, block: { type: "text" } },
    { type: "block-delta", index: 0, delta: { type: "text", text: "a" } },
    {
      type: "message-delta",
      stopReason: "stop-sequence",
      rawStopReason: "stop_sequence",
      stopSequence: "END",
      usage: { input: 5, output: 3 },
    },
    { type: "block-end", index: 0 },
    { type: "message-end" },
  ]);
});

test("an error inside the stream ends it", () => {
  const wire = streamOf(start, { type: "error", error: { type: "overloaded_error", message: "busy" } }, textDelta(0, "x"));
  assert.deepEqual(decode(wire), [begun, { type: "error", error: { status: 529, message: "busy", type: "overloaded_error" } }]);
});

test("a stream that ends early is an error; a stream that lacks only its last event is complete", () => {
  assert.deepEqual(decode(streamOf(start, textDelta(0, "x"))).at(-1), {
    type: "error",
    error: { status: 502, message: "The provider's stream ended before its answer did.", code: "upstream_truncated" },
  });
  assert.deepEqual(decode(streamOf(start, textDelta(0, "x"), { type: "message_delta", delta: { stop_reason: "end_turn" } })).slice(-2), [
    { type: "block-end", index: 0 },
    { type: "message-end" },
  ]);
  assert.deepEqual(decode("data: {broken\n\n"), [
    {
      type: "error",
      error: { status: 502, message: "The provider sent an event that is not a JSON object.", code: "upstream_invalid_response" },
    },
  ]);
});

test("a body that is an error, or not a message, is thrown", () => {
  const codeOf = (body: string): unknown => {
    try {
      return parseResponse(body);
    } catch (error) {
      if (error instanceof AnsweredError) return error.upstream;
      return error instanceof GatewayError ? error.code : error;
    }
  };
  assert.deepEqual(codeOf('{"type":"error","error":{"type":"overloaded_error","message":"m"}}'), {
    status: 529,
    message: "m",
    type: "overloaded_error",
  });
  assert.deepEqual(codeOf('{"error":"m","content":[]}'), { status: 500, message: "m" });
  assert.equal(codeOf("<html>"), "upstream_invalid_response");
  assert.equal(codeOf("{}"), "upstream_invalid_response");
});

test("calls without a name, or with the inputs of several, are an error, streamed and whole; those without an id, or of one id, get two", () => {
  const stop = { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 3 } };
  const call = (index: number, block: Record<string, unknown>, ...pieces: readonly string[]): Record<string, unknown>[] => [
    { type: "content_block_start", index, content_block: { type: "tool_use", input: {}, ...block } },
    ...pieces.map((partial_json) => ({ type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json } })),
  ];
  const end = { usage: { input: 5, output: 3 }, rawStopReason: "tool_use" };
  const glued = {
    status: 502,
    message: "The provider sent the arguments of several tool calls as those of one.",
    code: "upstream_invalid_response",
  };
  const nameless = { status: 502, message: "The provider sent a tool call without a name.", code: "upstream_invalid_response" };
  const last = (...events: readonly Record<string, unknown>[]): unknown =>
    decode(streamOf(start, ...events, stop, { type: "message_stop" })).at(-1);
  assert.deepEqual(last(...call(0, { id: "a", name: "n" }, '{"x":1}', '{"x":2}')), { type: "error", error: glued, end });
  assert.deepEqual(last(...call(0, { id: "a" }, "{}")), { type: "error", error: nameless, end });
  const message = (...content: readonly Record<string, unknown>[]): string =>
    JSON.stringify({ ...start.message, content: content.map((block) => ({ type: "tool_use", ...block })), stop_reason: "tool_use" });
  assert.throws(() => parseResponse(message({ id: "a", input: {} })), { upstream: nameless });
  assert.throws(() => parseResponse(message({ id: "a", name: "n", input: '{"x":1}{}' })), { upstream: glued });
  for (const id of ["a", "", undefined]) {
    const events = [...call(0, { id, name: "n" }, '{"x":1}'), ...call(1, { id, name: "n", input: { x: 2 } })];
    const streamed = collect(decode(streamOf(start, ...events, stop, { type: "message_stop" }))).content;
    assert.deepEqual(streamed, parseResponse(message({ id, name: "n", input: { x: 1 } }, { id, name: "n", input: '{"x":2}' })).content);
    assert.equal(new Set(streamed.map((block) => block.type === "tool-call" && block.id)).size, 2);
  }
});
