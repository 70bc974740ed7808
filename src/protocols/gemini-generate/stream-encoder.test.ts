import type { GenerateContentResponse } from "@google/genai";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockStart, StreamEvent } from "../../ir/index.ts";
import { parseRequest } from "./parse-request.ts";
import { chunksOf, clientOf, encode, generateCall, sdkWith } from "./testing.ts";

const start: StreamEvent = { type: "message-start", id: "abc", model: "upstream-model", createdAt: 1, usage: { input: 1 } };
const blockStart = (index: number, block: BlockStart): StreamEvent => ({ type: "block-start", index, block });
const text = (index: number, text: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "text", text } });
const args = (index: number, text: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "arguments", text } });
const signed = (index: number, data: string): StreamEvent => ({
  type: "block-delta",
  index,
  delta: { type: "proof", proof: { protocol: "gemini-generate", kind: "signature", data } },
});
const end = (index: number): StreamEvent => ({ type: "block-end", index });
const call = (id: string, name = "bash"): BlockStart => ({ type: "tool-call", id, name, kind: "function" });
const finish: readonly StreamEvent[] = [
  { type: "message-delta", stopReason: "tool-calls", usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 } },
  { type: "message-end" },
];

const chunk = (part: object) => ({
  candidates: [{ content: { parts: [part], role: "model" }, index: 0 }],
  modelVersion: "gemini-alias",
  responseId: "abc",
});
const lastChunk = (finishReason: string, part: object = { text: "" }, rest: object = {}) => ({
  candidates: [{ content: { parts: [part], role: "model" }, finishReason, ...rest, index: 0 }],
  usageMetadata: {
    promptTokenCount: 1200,
    candidatesTokenCount: 40,
    thoughtsTokenCount: 20,
    cachedContentTokenCount: 800,
    totalTokenCount: 1260,
  },
  modelVersion: "gemini-alias",
  responseId: "abc",
});

const answer: readonly StreamEvent[] = [
  start,
  blockStart(0, { type: "reasoning" }),
  text(0, "Let me see."),
  end(0),
  blockStart(1, { type: "text" }),
  text(1, "Hi "),
  text(1, ""),
  text(1, '"you" ✓'),
  end(1),
  { type: "ping" },
  blockStart(2, call("c1")),
  args(2, '{"n":1.0,'),
  blockStart(3, call("c2", "ls")),
  args(2, '"big":12345678901234567890}'),
  signed(2, "SIG"),
  end(3),
  end(2),
  ...finish,
];

test("thoughts and texts are written as they come, calls whole when they end, finish reason and usage in the last chunk", () => {
  const stream = encode(answer);
  assert.ok(stream.includes('"args":{"n":1.0,"big":12345678901234567890}}'), "arguments are the text that the model wrote");
  assert.deepEqual(chunksOf(stream), [
    chunk({ text: "Let me see.", thought: true }),
    chunk({ text: "Hi " }),
    chunk({ text: '"you" ✓' }),
    chunk({ functionCall: { id: "c2", name: "ls", args: {} } }),
    chunk({ functionCall: { id: "c1", name: "bash", args: { n: 1, big: 12345678901234567000 } }, thoughtSignature: "SIG" }),
    lastChunk("STOP"),
  ]);
});

/** Events are cut as google.golang.org/genai 1.77 cuts them; it reads an event as an error if there is no `data:` before the first colon. */
test("a keep-alive is an empty event of its own, once the answer has begun", () => {
  const ping: StreamEvent = { type: "ping" };
  const stream = encode([ping, start, ping, blockStart(0, { type: "text" }), text(0, "a"), ping, text(0, "b"), end(0), ...finish]);
  const events = stream.split(/\n\n|\r\n\r\n/);
  assert.deepEqual(
    events.map((event) => event.slice(0, 6)),
    ["data: ", "", "data: ", "data: ", ""],
  );
});

test("a JSON array has the same chunks", () => {
  const stream = encode(answer, clientOf({}, true));
  const sse = chunksOf(encode(answer));
  assert.deepEqual(JSON.parse(stream), sse);
  assert.equal(stream.startsWith('[{"candidates"') && stream.endsWith("\n]\n"), true);
});

test("an error ends the stream, as a chunk, or as the last element of an array", () => {
  const error: StreamEvent = { type: "error", error: { status: 529, message: "Überlast" } };
  const wire = {
    error: {
      code: 503,
      message: "Überlast",
      status: "UNAVAILABLE",
      details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "UNAVAILABLE", domain: "tokligence", metadata: {} }],
    },
  };
  const events = [start, blockStart(0, { type: "text" }), text(0, "a"), error, text(0, "b"), { type: "message-end" }] as const;
  assert.deepEqual(chunksOf(encode(events)), [chunk({ text: "a" }), wire]);
  assert.deepEqual(JSON.parse(encode(events, clientOf({}, true))), [chunk({ text: "a" }), wire]);
  assert.deepEqual(JSON.parse(encode([start, error], clientOf({}, true))), [wire]);
});

test("a client that did not ask for thoughts gets none, but every proof", () => {
  const events = [start, blockStart(0, { type: "reasoning" }), text(0, "secret"), signed(0, "SIG"), end(0), ...finish];
  assert.deepEqual(chunksOf(encode(events, clientOf({ reasoning: {} }))), [
    chunk({ text: "", thoughtSignature: "SIG" }),
    lastChunk("STOP"),
  ]);
  assert.deepEqual(chunksOf(encode(events)), [
    chunk({ text: "secret", thought: true }),
    chunk({ text: "", thought: true, thoughtSignature: "SIG" }),
    lastChunk("STOP"),
  ]);
});

test("a free-text call is a function with one string; a namespace is part of the name", () => {
  const custom: BlockStart = { type: "tool-call", id: "c1", name: "exec", namespace: "shell", kind: "custom" };
  assert.deepEqual(chunksOf(encode([start, blockStart(0, custom), args(0, 'a "b"'), end(0)])), [
    chunk({ functionCall: { id: "c1", name: "shell__exec", args: { input: 'a "b"' } } }),
  ]);
});

test("a call whose arguments are not a JSON object is omitted, and the finish reason says so", () => {
  const events = (stopReason: "length" | "tool-calls") => [
    start,
    blockStart(0, call("c1")),
    args(0, '{"a":'),
    end(0),
    blockStart(1, call("c2")),
    args(1, "[1]"),
    end(1),
    { type: "message-delta", stopReason, usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 } } as const,
    { type: "message-end" } as const,
  ];
  const finishMessage = 'Malformed function call: bash({"a":), bash([1])';
  assert.deepEqual(chunksOf(encode(events("tool-calls"))), [lastChunk("MALFORMED_FUNCTION_CALL", { text: "" }, { finishMessage })]);
  assert.deepEqual(chunksOf(encode(events("length"))), [lastChunk("MAX_TOKENS", { text: "" }, { finishMessage })]);
});

test("a refusal is a text that ends for safety; blocks that did not end are closed; foreign opaque blocks are omitted", () => {
  const part = { executableCode: { language: "PYTHON", code: "1" } };
  const events = [
    start,
    blockStart(0, { type: "opaque", protocol: "gemini-generate", value: part }),
    blockStart(1, { type: "opaque", protocol: "openai-chat", value: part }),
    blockStart(2, { type: "refusal" }),
    text(2, "No."),
    blockStart(3, call("c1")),
    { type: "message-delta", stopReason: "stop", usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 } },
    { type: "message-end" },
  ] as const;
  assert.deepEqual(chunksOf(encode(events)), [
    chunk(part),
    chunk({ text: "No." }),
    chunk({ functionCall: { id: "c1", name: "bash", args: {} } }),
    lastChunk("SAFETY"),
  ]);
});

const reasons: readonly (readonly [neutral: Extract<StreamEvent, { type: "message-delta" }>, wire: string])[] = [
  [{ type: "message-delta", stopReason: "stop" }, "STOP"],
  [{ type: "message-delta", stopReason: "stop-sequence", stopSequence: "END" }, "STOP"],
  [{ type: "message-delta", stopReason: "length" }, "MAX_TOKENS"],
  [{ type: "message-delta", stopReason: "context-window" }, "MAX_TOKENS"],
  [{ type: "message-delta", stopReason: "content-filter" }, "SAFETY"],
  [{ type: "message-delta", stopReason: "content-filter", rawStopReason: "RECITATION" }, "RECITATION"],
  [{ type: "message-delta", stopReason: "content-filter", rawStopReason: "refusal" }, "SAFETY"],
  [{ type: "message-delta" }, "OTHER"],
];
for (const [neutral, wire] of reasons) {
  test(`the end ${JSON.stringify(neutral)}`, () => {
    const [last] = chunksOf(encode([{ ...start, usage: {} }, neutral, { type: "message-end" }]));
    assert.deepEqual(last, {
      candidates: [{ content: { parts: [{ text: "" }], role: "model" }, finishReason: wire, index: 0 }],
      usageMetadata: {},
      modelVersion: "gemini-alias",
      responseId: "abc",
    });
  });
}

test("the SDK's stream yields texts, thoughts, calls, the reason and the usage", async () => {
  const stream = encode(answer);
  const sdk = sdkWith(() => new Response(stream, { headers: { "content-type": "text/event-stream" } }));
  const chunks: GenerateContentResponse[] = [];
  for await (const each of await sdk.models.generateContentStream({ model: "gemini-alias", contents: "hi" })) chunks.push(each);
  assert.equal(chunks.map((each) => (each.functionCalls === undefined ? (each.text ?? "") : "")).join(""), 'Hi "you" ✓');
  assert.deepEqual(
    chunks.flatMap((each) => each.functionCalls ?? []),
    [
      { id: "c2", name: "ls", args: {} },
      { id: "c1", name: "bash", args: { n: 1, big: 12345678901234567000 } },
    ],
  );
  const last = chunks.at(-1);
  assert.deepEqual([last?.candidates?.[0]?.finishReason, last?.usageMetadata?.totalTokenCount], ["STOP", 1260]);
});

test("the SDK's chat keeps the answer as its history", async () => {
  const sdk = sdkWith(() => new Response(encode(answer), { headers: { "content-type": "text/event-stream" } }));
  const chat = sdk.chats.create({ model: "gemini-alias" });
  for await (const _ of await chat.sendMessageStream({ message: "hi" }));
  const { messages } = parseRequest({ contents: chat.getHistory() }, generateCall);
  assert.deepEqual(messages, [
    { role: "user", content: [{ type: "text", text: "hi" }] },
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "Let me see." },
        { type: "text", text: 'Hi "you" ✓' },
        { type: "tool-call", id: "c2", name: "ls", kind: "function", arguments: "{}" },
        {
          type: "tool-call",
          id: "c1",
          name: "bash",
          kind: "function",
          arguments: '{"n":1,"big":12345678901234567000}',
          proof: { protocol: "gemini-generate", kind: "signature", data: "SIG" },
        },
      ],
    },
  ]);
});

test("the SDK reports an error in the stream as one", async () => {
  const stream = encode([start, { type: "error", error: { status: 429, message: "busy", type: "RESOURCE_EXHAUSTED" } }]);
  const sdk = sdkWith(() => new Response(stream, { headers: { "content-type": "text/event-stream" } }));
  await assert.rejects(
    async () => {
      for await (const _ of await sdk.models.generateContentStream({ model: "m", contents: "hi" }));
    },
    { name: "ApiError", status: 429, message: /RESOURCE_EXHAUSTED.*busy|busy.*RESOURCE_EXHAUSTED/ },
  );
});
