import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlockStart, StreamEvent } from "../../ir/index.ts";
import { replay } from "../../ir/index.ts";
import { clientOf, encode, framesOf, sdkWith, sseResponse } from "./testing.ts";

const start: StreamEvent = { type: "message-start", id: "abc", model: "upstream-model", createdAt: 1, usage: { input: 0 } };
const blockStart = (index: number, block: BlockStart): StreamEvent => ({ type: "block-start", index, block });
const text = (index: number, text: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "text", text } });
const args = (index: number, text: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "arguments", text } });
const end = (index: number): StreamEvent => ({ type: "block-end", index });
const call = (id: string, name = "bash"): BlockStart => ({ type: "tool-call", id, name, kind: "function" });
const finish: readonly StreamEvent[] = [
  {
    type: "message-delta",
    stopReason: "tool-calls",
    usage: { input: 1200, output: 60, cacheRead: 800, cacheWrite5m: 90, cacheWrite1h: 10, reasoning: 20 },
  },
  { type: "message-end" },
];

const emptyUsage = {
  input_tokens: 0,
  cache_creation_input_tokens: null,
  cache_read_input_tokens: null,
  cache_creation: null,
  output_tokens: 0,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: null,
  inference_geo: null,
  speed: null,
};
const messageStart = {
  type: "message_start",
  message: {
    id: "msg_abc",
    type: "message",
    role: "assistant",
    model: "claude-alias",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: emptyUsage,
  },
};
const blockStarted = (index: number, content_block: object) => ({ type: "content_block_start", index, content_block });
const delta = (index: number, delta: object) => ({ type: "content_block_delta", index, delta });
const stopped = (index: number) => ({ type: "content_block_stop", index });
const toolUse = (id: string, name = "bash") => ({ type: "tool_use", id, name, input: {}, caller: { type: "direct" } });
const emptyText = { type: "text", text: "", citations: null };
const deltaUsage = {
  input_tokens: 300,
  cache_creation_input_tokens: 100,
  cache_read_input_tokens: 800,
  output_tokens: 60,
  output_tokens_details: { thinking_tokens: 20 },
  server_tool_use: null,
};
const ending = (stop_reason: string, usage: object = deltaUsage) => [
  { type: "message_delta", delta: { stop_reason, stop_sequence: null, stop_details: null, container: null }, usage },
  { type: "message_stop" },
];

test("thinking, text and a tool call are written as the vendor writes them", () => {
  const stream = encode([
    start,
    blockStart(0, { type: "reasoning" }),
    text(0, "Let me "),
    text(0, "see. ✓"),
    { type: "block-delta", index: 0, delta: { type: "proof", proof: { protocol: "anthropic-messages", kind: "signature", data: "SIG" } } },
    end(0),
    blockStart(1, { type: "text" }),
    text(1, 'Hi "you"\n'),
    end(1),
    { type: "ping" },
    blockStart(2, call("toolu_1")),
    args(2, '{"n":1.0,'),
    args(2, '"big":12345678901234567890}'),
    end(2),
    ...finish,
  ]);
  assert.deepEqual(framesOf(stream), [
    messageStart,
    blockStarted(0, { type: "thinking", thinking: "", signature: "" }),
    delta(0, { type: "thinking_delta", thinking: "Let me " }),
    delta(0, { type: "thinking_delta", thinking: "see. ✓" }),
    delta(0, { type: "signature_delta", signature: "SIG" }),
    stopped(0),
    blockStarted(1, emptyText),
    delta(1, { type: "text_delta", text: 'Hi "you"\n' }),
    stopped(1),
    { type: "ping" },
    blockStarted(2, toolUse("toolu_1")),
    delta(2, { type: "input_json_delta", partial_json: '{"n":1.0,' }),
    delta(2, { type: "input_json_delta", partial_json: '"big":12345678901234567890}' }),
    stopped(2),
    ...ending("tool_use"),
  ]);
});

test("interleaved tool calls are written one after the other, each piece as soon as its block is the open one", () => {
  const events: StreamEvent[] = [
    start,
    blockStart(0, call("a", "one")),
    blockStart(1, call("b", "two")),
    args(1, '{"b":'),
    args(0, '{"a":1}'),
    blockStart(2, call("c", "three")),
    args(2, "{}"),
    end(2),
    end(0),
    args(1, "2}"),
    end(1),
    ...finish,
  ];
  assert.deepEqual(framesOf(encode(events)).slice(1, -2), [
    blockStarted(0, toolUse("a", "one")),
    delta(0, { type: "input_json_delta", partial_json: '{"a":1}' }),
    stopped(0),
    blockStarted(1, toolUse("b", "two")),
    delta(1, { type: "input_json_delta", partial_json: '{"b":' }),
    delta(1, { type: "input_json_delta", partial_json: "2}" }),
    stopped(1),
    blockStarted(2, toolUse("c", "three")),
    delta(2, { type: "input_json_delta", partial_json: "{}" }),
    stopped(2),
  ]);
});

test("blocks that did not end are closed, and queued content is written, before the end", () => {
  const events = [start, blockStart(0, { type: "text" }), text(0, "a"), blockStart(1, call("b")), args(1, "{}"), ...finish];
  assert.deepEqual(framesOf(encode(events)).slice(1), [
    blockStarted(0, emptyText),
    delta(0, { type: "text_delta", text: "a" }),
    stopped(0),
    blockStarted(1, toolUse("b")),
    delta(1, { type: "input_json_delta", partial_json: "{}" }),
    stopped(1),
    ...ending("tool_use"),
  ]);
});

test("empty blocks are not written and use no index", () => {
  const events = [
    start,
    blockStart(0, { type: "text" }),
    text(0, ""),
    end(0),
    blockStart(1, { type: "reasoning" }),
    end(1),
    blockStart(2, { type: "refusal" }),
    text(2, "No."),
    end(2),
    { type: "message-delta", stopReason: "stop", usage: {} },
    { type: "message-end" },
  ] as const;
  const usage = {
    input_tokens: null,
    cache_creation_input_tokens: null,
    cache_read_input_tokens: null,
    output_tokens: 0,
    output_tokens_details: null,
    server_tool_use: null,
  };
  assert.deepEqual(framesOf(encode([{ ...start, usage: {} }, ...events.slice(1)])).slice(1), [
    blockStarted(0, emptyText),
    delta(0, { type: "text_delta", text: "No." }),
    stopped(0),
    {
      type: "message_delta",
      delta: {
        stop_reason: "refusal",
        stop_sequence: null,
        stop_details: { type: "refusal", category: null, explanation: null },
        container: null,
      },
      usage,
    },
    { type: "message_stop" },
  ]);
});

test("redacted thinking is a block of its own; a block with only a signature is written; a proof of another protocol is not", () => {
  const proof = (index: number, protocol: "anthropic-messages" | "openai-responses", kind: "redacted" | "signature"): StreamEvent => ({
    type: "block-delta",
    index,
    delta: { type: "proof", proof: { protocol, kind, data: "DATA" } },
  });
  const events = [
    start,
    blockStart(0, { type: "reasoning" }),
    proof(0, "anthropic-messages", "redacted"),
    end(0),
    blockStart(1, { type: "reasoning", id: "rs_1" }),
    proof(1, "anthropic-messages", "signature"),
    end(1),
    blockStart(2, { type: "reasoning" }),
    text(2, "hm"),
    proof(2, "openai-responses", "signature"),
    end(2),
    blockStart(3, { type: "reasoning" }),
    end(3),
  ];
  assert.deepEqual(framesOf(encode(events)).slice(1), [
    blockStarted(0, { type: "redacted_thinking", data: "DATA" }),
    stopped(0),
    blockStarted(1, { type: "thinking", thinking: "", signature: "" }),
    delta(1, { type: "signature_delta", signature: "DATA" }),
    stopped(1),
    blockStarted(2, { type: "thinking", thinking: "", signature: "" }),
    delta(2, { type: "thinking_delta", thinking: "hm" }),
    stopped(2),
  ]);
});

test("a client that wants no thinking text gets only the signature", () => {
  const signed: StreamEvent = {
    type: "block-delta",
    index: 0,
    delta: { type: "proof", proof: { protocol: "anthropic-messages", kind: "signature", data: "SIG" } },
  };
  const events = [start, blockStart(0, { type: "reasoning" }), text(0, "secret"), signed, end(0)];
  assert.deepEqual(framesOf(encode(events, clientOf({ reasoning: { adaptive: true, visibility: "none" } }))).slice(1), [
    blockStarted(0, { type: "thinking", thinking: "", signature: "" }),
    delta(0, { type: "signature_delta", signature: "SIG" }),
    stopped(0),
  ]);
});

test("a free-text call is a function with one string, complete even if a surrogate pair is cut in two", async () => {
  const custom: BlockStart = { type: "tool-call", id: "c1", name: "exec", namespace: "shell", kind: "custom" };
  const empty: BlockStart = { ...custom, id: "c2", namespace: "functions" };
  const stream = encode([
    start,
    blockStart(0, custom),
    args(0, 'say "\ud83d'),
    args(0, '\ude00"\n'),
    end(0),
    blockStart(1, empty),
    end(1),
    ...finish,
  ]);
  const message = await finalMessage(stream);
  assert.deepEqual(message.content, [
    { type: "tool_use", id: "c1", name: "shell__exec", input: { input: 'say "😀"\n' }, caller: { type: "direct" } },
    { type: "tool_use", id: "c2", name: "exec", input: { input: "" }, caller: { type: "direct" } },
  ]);
});

test("the input of a server tool is streamed, other opaque blocks are written whole, those of other protocols are omitted", () => {
  const search = { type: "server_tool_use", id: "s1", name: "web_search", input: { query: "q" }, caller: { type: "direct" } };
  const result = { type: "web_search_tool_result", tool_use_id: "s1", content: [] };
  const opaque = (index: number, value: unknown, protocol: "anthropic-messages" | "openai-chat" = "anthropic-messages") => [
    blockStart(index, { type: "opaque", protocol, value }),
    end(index),
  ];
  assert.deepEqual(framesOf(encode([start, ...opaque(0, search), ...opaque(1, { x: 1 }, "openai-chat"), ...opaque(2, result)])).slice(1), [
    blockStarted(0, { ...search, input: {} }),
    delta(0, { type: "input_json_delta", partial_json: '{"query":"q"}' }),
    stopped(0),
    blockStarted(1, result),
    stopped(1),
  ]);
});

test("an error ends the stream without a clean end", () => {
  const stream = encode([
    start,
    blockStart(0, { type: "text" }),
    text(0, "a"),
    { type: "error", error: { status: 503, message: "Überlast" } },
    text(0, "b"),
    { type: "message-end" },
  ]);
  assert.deepEqual(framesOf(stream).slice(3), [
    {
      type: "error",
      error: { type: "overloaded_error", message: "Überlast", details: { error_code: "overloaded_error" } },
      request_id: null,
    },
  ]);
});

const reasons: readonly (readonly [neutral: Extract<StreamEvent, { type: "message-delta" }>, wire: object])[] = [
  [
    { type: "message-delta", stopReason: "stop" },
    { stop_reason: "end_turn", stop_sequence: null },
  ],
  [
    { type: "message-delta", stopReason: "length" },
    { stop_reason: "max_tokens", stop_sequence: null },
  ],
  [
    { type: "message-delta", stopReason: "stop-sequence", stopSequence: "END" },
    { stop_reason: "stop_sequence", stop_sequence: "END" },
  ],
  [
    { type: "message-delta", stopReason: "stop-sequence" },
    { stop_reason: "end_turn", stop_sequence: null },
  ],
  [
    { type: "message-delta", stopReason: "pause" },
    { stop_reason: "pause_turn", stop_sequence: null },
  ],
  [
    { type: "message-delta", stopReason: "context-window" },
    { stop_reason: "model_context_window_exceeded", stop_sequence: null },
  ],
  [
    { type: "message-delta", stopReason: "other" },
    { stop_reason: "end_turn", stop_sequence: null },
  ],
];
for (const [neutral, wire] of reasons) {
  test(`the end ${JSON.stringify(neutral)}`, () => {
    const [last] = framesOf(encode([start, neutral, { type: "message-end" }])).slice(-2) as [{ delta: object }];
    assert.deepEqual(last.delta, { ...wire, stop_details: null, container: null });
  });
}

test("a plain stop after a tool call is a tool_use, as clients run tools only then", () => {
  const events = [start, blockStart(0, call("a")), end(0), { type: "message-delta", stopReason: "stop" }, { type: "message-end" }] as const;
  const [last] = framesOf(encode(events)).slice(-2) as [{ delta: { stop_reason: string } }];
  assert.equal(last.delta.stop_reason, "tool_use");
});

test("the SDK's accumulator gets the whole answer, usage included", async () => {
  const stream = encode(
    replay({
      id: "msg_1",
      model: "up",
      createdAt: 1,
      content: [
        { type: "reasoning", text: "why", proof: { protocol: "anthropic-messages", kind: "signature", data: "SIG" } },
        { type: "text", text: "because ✓" },
        { type: "tool-call", id: "toolu_1", name: "bash", kind: "function", arguments: '{"command":"ls"}' },
        { type: "tool-call", id: "toolu_2", name: "bash", kind: "function", arguments: "" },
      ],
      stopReason: "tool-calls",
      usage: { input: 1200, output: 60, cacheRead: 800, cacheWrite5m: 100 },
    }),
  );
  assert.deepEqual(await finalMessage(stream), {
    ...messageStart.message,
    id: "msg_1",
    content: [
      { type: "thinking", thinking: "why", signature: "SIG" },
      { type: "text", text: "because ✓", citations: null },
      { type: "tool_use", id: "toolu_1", name: "bash", input: { command: "ls" }, caller: { type: "direct" } },
      { type: "tool_use", id: "toolu_2", name: "bash", input: {}, caller: { type: "direct" } },
    ],
    // The SDK's own field, set if a schema was asked for.
    parsed_output: null,
    stop_reason: "tool_use",
    usage: { ...emptyUsage, input_tokens: 300, output_tokens: 60, cache_read_input_tokens: 800, cache_creation_input_tokens: 100 },
  });
});

test("the SDK reports an error in the stream as one", async () => {
  const stream = encode([start, { type: "error", error: { status: 529, message: "busy", type: "overloaded_error" } }]);
  await assert.rejects(finalMessage(stream), /overloaded_error.*busy|busy.*overloaded_error/);
});

async function finalMessage(stream: string) {
  const sdk = sdkWith(() => sseResponse(stream));
  const message = await sdk.messages.stream({ model: "claude-alias", max_tokens: 10, messages: [] }).finalMessage();
  // The accumulator attaches its buffers to the blocks; JSON has only the message.
  return JSON.parse(JSON.stringify(message)) as typeof message;
}
