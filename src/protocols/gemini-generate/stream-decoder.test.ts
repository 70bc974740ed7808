import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "node:test";
import { GatewayError, latin1OfUtf8, SseSplitter, asBytes, noBytes } from "../../core/index.ts";
import { AnsweredError } from "../shared/answered-error.ts";
import { collect, replay, type Block, type ChatResponse, type StreamEvent } from "../../ir/index.ts";
import type { EventSplitter } from "../protocol.ts";
import type { ToolNames } from "../translation.ts";
import { clientOf, encode, fixture } from "./testing.ts";
import { geminiGenerateUpstream } from "./upstream.ts";
import { JsonArraySplitter } from "./json-array-splitter.ts";
import { parseResponse } from "./parse-response.ts";
import { renderResponse } from "./render-response.ts";

const client = clientOf();

/** Decodes a stream (text), cut into pieces of `size` bytes. */
function decode(
  stream: string,
  size = Number.POSITIVE_INFINITY,
  toolNames?: ToolNames,
  splitter: EventSplitter = new SseSplitter(),
): StreamEvent[] {
  const bytes = latin1OfUtf8(stream);
  const decoder = geminiGenerateUpstream.createStreamDecoder(toolNames);
  const step = Math.min(size, bytes.length);
  const events: StreamEvent[] = [];
  for (let at = 0; at < bytes.length; at += step)
    for (const event of splitter.push(asBytes(bytes.slice(at, at + step)))) events.push(...decoder.push(event));
  for (const event of splitter.end()) events.push(...decoder.push(event));
  return [...events, ...decoder.end()];
}

function streamOf(...chunks: readonly unknown[]): string {
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join("");
}

function chunkOf(parts: readonly unknown[], more: Record<string, unknown> = {}, top: Record<string, unknown> = {}): unknown {
  return { candidates: [{ content: { role: "model", parts }, index: 0, ...more }], modelVersion: "g", responseId: "r", ...top };
}

const text = fc.string({ unit: "grapheme", minLength: 1 });
const proof = text.map((data) => ({ protocol: "gemini-generate", kind: "signature", data: `s${data}` }) as const);
const call = fc
  .record({
    id: fc.uuid(),
    name: fc.constantFrom("bash", "read"),
    value: fc.dictionary(text, fc.jsonValue()),
    signed: fc.option(proof, { nil: undefined }),
  })
  .map(({ id, name, value, signed }): Block => ({
    type: "tool-call",
    id,
    name,
    kind: "function",
    arguments: JSON.stringify(value),
    ...(signed === undefined ? {} : { proof: signed }),
  }));
/** The blocks of an answer; on this wire, two consecutive texts are one. */
const content: fc.Arbitrary<readonly Block[]> = fc
  .record({
    thought: fc.option(fc.record({ text, proof: fc.option(proof, { nil: undefined }) }), { nil: undefined }),
    answer: fc.option(fc.record({ text, signed: fc.option(proof, { nil: undefined }) }), { nil: undefined }),
    calls: fc.array(call, { maxLength: 3 }),
  })
  .map(({ thought, answer, calls }): readonly Block[] => [
    ...(thought === undefined
      ? []
      : [{ type: "reasoning" as const, text: thought.text, ...(thought.proof === undefined ? {} : { proof: thought.proof }) }]),
    ...(answer === undefined ? [] : [{ type: "text" as const, text: answer.text }]),
    ...(answer?.signed === undefined ? [] : [{ type: "reasoning" as const, text: "", proof: answer.signed }]),
    ...calls,
  ]);
const count = fc.integer({ min: 0, max: 1e6 });
const endOf = (blocks: readonly Block[]) => (blocks.some((each) => each.type === "tool-call") ? "tool-calls" : "stop");
const response: fc.Arbitrary<ChatResponse> = fc
  .record({ content, length: fc.boolean(), usage: fc.record({ input: count, output: count, cacheRead: count, reasoning: count }) })
  .map(({ content: blocks, length, usage }): ChatResponse => ({
    id: "r1",
    model: "gemini-alias",
    createdAt: 0,
    content: blocks,
    stopReason: length ? "length" : endOf(blocks),
    rawStopReason: length ? "MAX_TOKENS" : "STOP",
    usage: { ...usage, output: usage.output + usage.reasoning },
  }));

test("law: a stream, cut anywhere, and the JSON of the same answer decode to the same answer", () => {
  fc.assert(
    fc.property(response, fc.integer({ min: 1, max: 40 }), (answer, size) => {
      assert.deepEqual(parseResponse(renderResponse(answer, client)), answer);
      const wire = encode(replay(answer), client);
      assert.deepEqual(collect(decode(wire)), answer);
      assert.deepEqual(decode(wire, size), decode(wire));
      assert.deepEqual(decode(encode(replay(answer), clientOf({}, true)), size, undefined, new JsonArraySplitter()), decode(wire));
    }),
    { numRuns: 200 },
  );
});

test("a recorded JSON answer is parsed", () => {
  assert.deepEqual(parseResponse(fixture("answer.json")), {
    id: "r3bd937dbfffc44fe21c55613",
    model: "gemini-3.8-flash",
    createdAt: 0,
    content: [{ type: "text", text: '{"a":"mock"}' }],
    stopReason: "stop",
    rawStopReason: "STOP",
    usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
  });
});

test("a recorded stream gives the same events wherever it is cut, and every block ends", () => {
  const stream = fixture("stream-tool-calls.sse");
  const events = decode(stream);
  for (const size of [1, 2, 7, 100]) assert.deepEqual(decode(stream, size), events);
  assert.equal(events.filter(({ type }) => type === "block-start").length, events.filter(({ type }) => type === "block-end").length);
  assert.deepEqual(events.at(-1), { type: "message-end" });
  assert.equal(collect(events).stopReason, "tool-calls");
});

test("thoughts, text and whole calls are decoded, with the usage of the last chunk", () => {
  const wire = streamOf(
    chunkOf([{ text: "a", thought: true }], {}, { usageMetadata: { promptTokenCount: 3 } }),
    chunkOf([{ text: "b", thought: true }]),
    chunkOf([{ text: "x" }, { functionCall: { name: "n", args: { k: 1 } }, thoughtSignature: "sig" }]),
    chunkOf([{ functionCall: { id: "given", name: "n" } }]),
    chunkOf(
      [{ text: "" }],
      { finishReason: "STOP" },
      { usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2, thoughtsTokenCount: 4 } },
    ),
  );
  const events = decode(wire);
  const made =
    events.flatMap((event) => (event.type === "block-start" && event.block.type === "tool-call" ? [event.block.id] : []))[0] ?? "";
  assert.match(made, /^call_[0-9a-f]{24}$/);
  assert.deepEqual(events, [
    { type: "message-start", id: "r", model: "g", createdAt: 0, usage: { input: 3 } },
    { type: "block-start", index: 0, block: { type: "reasoning" } },
    { type: "block-delta", index: 0, delta: { type: "text", text: "a" } },
    { type: "block-delta", index: 0, delta: { type: "text", text: "b" } },
    { type: "block-end", index: 0 },
    { type: "block-start", index: 1, block: { type: "text" } },
    { type: "block-delta", index: 1, delta: { type: "text", text: "x" } },
    { type: "block-end", index: 1 },
    { type: "block-start", index: 2, block: { type: "tool-call", id: made, name: "n", kind: "function" } },
    { type: "block-delta", index: 2, delta: { type: "arguments", text: '{"k":1}' } },
    { type: "block-delta", index: 2, delta: { type: "proof", proof: { protocol: "gemini-generate", kind: "signature", data: "sig" } } },
    { type: "block-end", index: 2 },
    { type: "block-start", index: 3, block: { type: "tool-call", id: "given", name: "n", kind: "function" } },
    { type: "block-delta", index: 3, delta: { type: "arguments", text: "{}" } },
    { type: "block-end", index: 3 },
    { type: "message-delta", stopReason: "tool-calls", rawStopReason: "STOP", usage: { input: 3, output: 6, reasoning: 4 } },
    { type: "message-end" },
  ]);
});

test("each call without an id gets one, the same at every reading of the answer", () => {
  const body = JSON.stringify(
    chunkOf([{ functionCall: { name: "n", args: {} } }, { functionCall: { name: "n", args: {} } }], { finishReason: "STOP" }),
  );
  const idsOf = (): readonly string[] => parseResponse(body).content.map((each) => (each.type === "tool-call" ? each.id : ""));
  assert.deepEqual(idsOf(), idsOf());
  assert.equal(new Set(idsOf()).size, 2);
});

test("arguments keep their spelling", () => {
  const body =
    '{"candidates":[{"content":{"parts":[{"text":"é"},{"functionCall":{"id":"i","name":"n","args":{ "a": 1.0 }}}]},"finishReason":"STOP"}]}';
  assert.deepEqual(parseResponse(body).content[1], { type: "tool-call", id: "i", name: "n", kind: "function", arguments: '{ "a": 1.0 }' });
});

test("names are restored, and free text is unwrapped", () => {
  const toolNames: ToolNames = new Map([
    ["ns__f", { name: "f", namespace: "ns", kind: "function" }],
    ["patch", { name: "patch", kind: "custom" }],
  ]);
  const body = JSON.stringify(
    chunkOf([
      { functionCall: { id: "1", name: "ns__f", args: { x: 1 } } },
      { functionCall: { id: "2", name: "patch", args: { input: "é\n" } } },
    ]),
  );
  assert.deepEqual(parseResponse(body, toolNames).content, [
    { type: "tool-call", id: "1", name: "f", namespace: "ns", kind: "function", arguments: '{"x":1}' },
    { type: "tool-call", id: "2", name: "patch", kind: "custom", arguments: "é\n" },
  ]);
});

test("finish reasons become neutral stop reasons", () => {
  const endOf = (finishReason: string, parts: readonly unknown[] = []): unknown =>
    parseResponse(JSON.stringify(chunkOf(parts, { finishReason }))).stopReason;
  const calls = [{ functionCall: { name: "n" } }];
  assert.deepEqual(
    [endOf("STOP"), endOf("STOP", calls), endOf("MAX_TOKENS", calls), endOf("SAFETY"), endOf("LANGUAGE"), endOf("NEW")],
    ["stop", "tool-calls", "length", "content-filter", "other", "other"],
  );
});

test("an answer that the vendor ended with a broken call is an error with its words, and what it used is known", () => {
  const used = { promptTokenCount: 4, thoughtsTokenCount: 3 };
  for (const finishReason of [
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
  ]) {
    const end = { finishReason, finishMessage: "print(default_api.read())" };
    const error = {
      status: 502,
      message: `The provider ended its answer with ${finishReason}: print(default_api.read())`,
      code: finishReason,
    };
    const calls = [{ functionCall: { name: "n" } }];
    const chunk = JSON.stringify(chunkOf(calls, end, { usageMetadata: used }));
    assert.throws(() => parseResponse(chunk), {
      upstream: error,
      facts: { usage: { input: 4, output: 3, reasoning: 3 }, model: "g", id: "r", stopReason: finishReason },
    });
    const decoder = geminiGenerateUpstream.createStreamDecoder();
    const events = [...decoder.push({ name: "", data: asBytes(chunk), raw: noBytes }), ...decoder.end()];
    assert.deepEqual(events.at(-1), {
      type: "error",
      error,
      end: { usage: { input: 4, output: 3, reasoning: 3 }, rawStopReason: finishReason },
    });
  }
});

test("a call without a name is an error, streamed and whole; calls of one id get two (report 808)", () => {
  const error = { status: 502, message: "The provider sent a tool call without a name.", code: "upstream_invalid_response" };
  for (const functionCall of [{ args: { x: 1 } }, { name: "", args: {} }]) {
    const chunk = JSON.stringify(chunkOf([{ functionCall }], { finishReason: "STOP" }, { usageMetadata: { promptTokenCount: 4 } }));
    assert.throws(() => parseResponse(chunk), { upstream: error });
    assert.throws(() => parseResponse(JSON.stringify(chunkOf([{ functionCall }]))), { upstream: error });
    const decoder = geminiGenerateUpstream.createStreamDecoder();
    assert.deepEqual(decoder.push({ name: "", data: asBytes(chunk), raw: noBytes }).at(-1), {
      type: "error",
      error,
      end: { usage: { input: 4 }, rawStopReason: "STOP" },
    });
  }
  const twice = [{ functionCall: { id: "a", name: "n" } }, { functionCall: { id: "a", name: "n" } }];
  const ids = parseResponse(JSON.stringify(chunkOf(twice, { finishReason: "STOP" }))).content.map(
    (block) => block.type === "tool-call" && block.id,
  );
  assert.deepEqual([ids[0], new Set(ids).size], ["a", 2]);
});

test("a blocked prompt is an answer that was filtered", () => {
  const blocked = {
    promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
    usageMetadata: { promptTokenCount: 4 },
    modelVersion: "g",
    responseId: "r",
  };
  const expected: ChatResponse = {
    id: "r",
    model: "g",
    createdAt: 0,
    content: [],
    stopReason: "content-filter",
    rawStopReason: "PROHIBITED_CONTENT",
    usage: { input: 4 },
  };
  assert.deepEqual(collect(decode(streamOf(blocked))), expected);
  assert.deepEqual(parseResponse(JSON.stringify(blocked)), {
    ...expected,
    extensions: { "gemini-generate": { promptFeedback: { blockReason: "PROHIBITED_CONTENT" } } },
  });
});

test("images that the model made are media in an answer, and opaque blocks in a stream", () => {
  const part = { inlineData: { mimeType: "image/png", data: "AA==" } };
  const chunk = chunkOf([part], { finishReason: "STOP" });
  const media = { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AA==" } };
  assert.deepEqual(parseResponse(JSON.stringify(chunk)).content, [media]);
  assert.deepEqual(collect(decode(streamOf(chunk))).content, [{ type: "opaque", protocol: "gemini-generate", value: part, media }]);
});

test("an error chunk ends the stream; a stream that ends early is an error", () => {
  const error = { error: { code: 503, message: "busy", status: "UNAVAILABLE" } };
  assert.deepEqual(decode(streamOf(chunkOf([{ text: "x" }]), error, chunkOf([{ text: "y" }]))).at(-1), {
    type: "error",
    error: { status: 503, message: "busy", type: "UNAVAILABLE" },
  });
  assert.deepEqual(decode(streamOf(chunkOf([{ text: "x" }]))).at(-1), {
    type: "error",
    error: { status: 502, message: "The provider's stream ended before its answer did.", code: "upstream_truncated" },
  });
  assert.deepEqual(decode("data: {broken\n\n"), [
    {
      type: "error",
      error: { status: 502, message: "The provider sent a chunk that is not a JSON object.", code: "upstream_invalid_response" },
    },
  ]);
});

test("a body that is an error, or not an answer, is thrown; a body without a finish reason is an answer", () => {
  const codeOf = (body: string): unknown => {
    try {
      return parseResponse(body).stopReason;
    } catch (error) {
      if (error instanceof AnsweredError) return error.upstream;
      return error instanceof GatewayError ? error.code : error;
    }
  };
  assert.deepEqual(codeOf('{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}'), {
    status: 503,
    message: "m",
    type: "UNAVAILABLE",
  });
  assert.deepEqual(codeOf('{"error":{"message":"m"}}'), { status: 500, message: "m" });
  assert.deepEqual(codeOf('{"error":"m"}'), { status: 500, message: "m" });
  assert.equal(codeOf("<html>"), "upstream_invalid_response");
  assert.equal(codeOf("{}"), "upstream_invalid_response");
  assert.equal(codeOf(JSON.stringify(chunkOf([{ text: "x" }]))), "other");
});
