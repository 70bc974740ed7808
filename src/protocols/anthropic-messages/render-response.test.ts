import type Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatResponse } from "../../ir/index.ts";
import { renderResponse } from "./render-response.ts";
import { clientOf, sdkWith } from "./testing.ts";

const response: ChatResponse = {
  id: "abc",
  model: "up",
  createdAt: 1,
  content: [
    { type: "reasoning", text: "why", proof: { protocol: "anthropic-messages", kind: "signature", data: "SIG" } },
    { type: "reasoning", text: "", proof: { protocol: "anthropic-messages", kind: "redacted", data: "RED" } },
    { type: "reasoning", text: "" },
    { type: "text", text: "" },
    { type: "text", text: "because ✓" },
    { type: "tool-call", id: "toolu_1", name: "bash", kind: "function", arguments: '{ "n": 1.0, "big": 12345678901234567890 }' },
    { type: "tool-call", id: "toolu_2", name: "exec", namespace: "shell", kind: "custom", arguments: 'a "b"' },
    { type: "tool-call", id: "toolu_3", name: "cut", kind: "function", arguments: '{"a":' },
    { type: "opaque", protocol: "anthropic-messages", value: { type: "container_upload", file_id: "f1" } },
    { type: "opaque", protocol: "openai-chat", value: { x: 1 } },
  ],
  stopReason: "tool-calls",
  usage: { input: 1200, output: 60, cacheRead: 800, cacheWrite5m: 90, cacheWrite1h: 10, reasoning: 20 },
  extensions: { "anthropic-messages": { usage: { service_tier: "priority" } } },
};

test("a Message has every field that the SDK's type requires, and arguments as the model wrote them", () => {
  const body = renderResponse(response, clientOf());
  assert.ok(body.includes('"input":{ "n": 1.0, "big": 12345678901234567890 }'));
  const direct = { type: "direct" } as const;
  const expected: Anthropic.Message = {
    id: "msg_abc",
    type: "message",
    role: "assistant",
    model: "claude-alias",
    content: [
      { type: "thinking", thinking: "why", signature: "SIG" },
      { type: "redacted_thinking", data: "RED" },
      { type: "text", text: "because ✓", citations: null },
      { type: "tool_use", id: "toolu_1", name: "bash", input: { n: 1, big: 12345678901234567000 }, caller: direct },
      { type: "tool_use", id: "toolu_2", name: "shell__exec", input: { input: 'a "b"' }, caller: direct },
      { type: "tool_use", id: "toolu_3", name: "cut", input: '{"a":', caller: direct },
      { type: "container_upload", file_id: "f1" },
    ],
    stop_reason: "tool_use",
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: {
      input_tokens: 300,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 800,
      cache_creation: { ephemeral_5m_input_tokens: 90, ephemeral_1h_input_tokens: 10 },
      output_tokens: 60,
      output_tokens_details: { thinking_tokens: 20 },
      server_tool_use: null,
      service_tier: "priority",
      inference_geo: null,
      speed: null,
    },
  };
  assert.deepEqual(JSON.parse(body), expected);
});

test("a refusal becomes text, and the stop reason is refusal", () => {
  const body = renderResponse({ ...response, content: [{ type: "refusal", text: "No." }], stopReason: "stop", usage: {} }, clientOf());
  const message = JSON.parse(body) as Anthropic.Message;
  assert.deepEqual(
    [message.content, message.stop_reason, message.stop_details],
    [[{ type: "text", text: "No.", citations: null }], "refusal", { type: "refusal", category: null, explanation: null }],
  );
});

test("thinking that the client wants omitted keeps its signature", () => {
  const body = renderResponse({ ...response, content: response.content.slice(0, 1) }, clientOf({ reasoning: { visibility: "none" } }));
  assert.deepEqual((JSON.parse(body) as Anthropic.Message).content, [{ type: "thinking", thinking: "", signature: "SIG" }]);
});

test("the SDK reads the structured output of an answer", async () => {
  const body = renderResponse(
    { ...response, content: [{ type: "text", text: '{"a":"mock"}' }], stopReason: "stop", usage: { input: 5, output: 3 } },
    clientOf(),
  );
  const sdk = sdkWith(() => new Response(body, { headers: { "content-type": "application/json" } }));
  const schema = { type: "object", properties: { a: { type: "string" } } };
  const message = await sdk.messages.parse({
    model: "claude-alias",
    max_tokens: 5,
    messages: [],
    output_config: { format: { type: "json_schema", schema } },
  });
  assert.deepEqual([message.content[0]?.type, message.usage.input_tokens, message.usage.output_tokens], ["text", 5, 3]);
});
