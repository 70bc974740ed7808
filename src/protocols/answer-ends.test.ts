import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes, SseSplitter } from "../core/index.ts";
import { collect, type ChatRequest, type ChatResponse, type ProtocolId } from "../ir/index.ts";
import { protocols } from "./index.ts";

const request: ChatRequest = { model: "m", stream: false, messages: [] };
const context = { model: "m", includeUsage: true, jsonArray: false, request };

/** The answer of a stream of these events. */
function streamed(id: ProtocolId, events: readonly object[]): ChatResponse {
  const decoder = protocols.get(id)!.upstream.createStreamDecoder();
  const text = events
    .map((event) => `event: ${(event as { type?: string }).type ?? "message"}\ndata: ${JSON.stringify(event)}\n\n`)
    .join("");
  const decoded = new SseSplitter().push(asBytes(text)).flatMap((event) => decoder.push(event));
  return collect([...decoded, ...decoder.end()]);
}

function shown(response: ChatResponse, id: ProtocolId): Record<string, unknown> {
  return JSON.parse(protocols.get(id)!.renderResponse(response, context)) as Record<string, unknown>;
}

const details = { type: "refusal", category: "cyber", explanation: "This could harm a system." };
const head = { id: "msg_1", type: "message", role: "assistant", model: "m", usage: { input_tokens: 5, output_tokens: 1 } };
const refused: readonly ChatResponse[] = [
  protocols
    .get("anthropic-messages")!
    .upstream.parseResponse(JSON.stringify({ ...head, content: [], stop_reason: "refusal", stop_sequence: null, stop_details: details })),
  streamed("anthropic-messages", [
    { type: "message_start", message: { ...head, content: [] } },
    { type: "message_delta", delta: { stop_reason: "refusal", stop_sequence: null, stop_details: details }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  ]),
];

test("Claude's explanation of a refusal reaches clients of every dialect, JSON and stream", () => {
  for (const response of refused) {
    assert.deepEqual(response.content, [{ type: "refusal", text: "This could harm a system." }]);
    assert.equal(response.rawStopReason, "refusal");
    const { choices } = shown(response, "openai-chat") as { choices: { finish_reason: string; message: { refusal: string } }[] };
    assert.deepEqual([choices[0]?.finish_reason, choices[0]?.message.refusal], ["content_filter", "This could harm a system."]);
    const { status, output } = shown(response, "openai-responses") as { status: string; output: { content: unknown[] }[] };
    assert.deepEqual([status, output[0]?.content], ["incomplete", [{ type: "refusal", refusal: "This could harm a system." }]]);
    const { candidates } = shown(response, "gemini-generate") as { candidates: { finishReason: string; content: { parts: unknown[] } }[] };
    assert.deepEqual([candidates[0]?.finishReason, candidates[0]?.content.parts], ["SAFETY", [{ text: "This could harm a system." }]]);
  }
});

test("the stop sequence that a Chat server names reaches an Anthropic client, JSON and stream", () => {
  const answers = (matched: unknown): readonly ChatResponse[] => [
    protocols.get("openai-chat")!.upstream.parseResponse(
      JSON.stringify({
        id: "1",
        model: "m",
        choices: [{ index: 0, message: { content: "a" }, finish_reason: "stop", stop_reason: matched }],
      }),
    ),
    streamed("openai-chat", [
      { id: "1", model: "m", choices: [{ index: 0, delta: { content: "a" } }] },
      { id: "1", model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop", stop_reason: matched }] },
    ]),
  ];
  for (const [matched, expected] of [
    ["###", ["stop_sequence", "###"]],
    [null, ["end_turn", null]],
    [151_645, ["end_turn", null]],
    ["end_turn", ["end_turn", null]],
  ]) {
    for (const response of answers(matched)) {
      const { stop_reason: reason, stop_sequence: sequence } = shown(response, "anthropic-messages");
      assert.deepEqual([reason, sequence], expected);
    }
  }
});
