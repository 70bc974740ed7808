import assert from "node:assert/strict";
import { test } from "node:test";
import { SseSplitter, asBytes } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { protocols } from "../index.ts";

function textBytesOf(id: ProtocolId, events: readonly (readonly [name: string, data: object] | object)[]): number {
  const tap = protocols.get(id)!.createTap({ hideUsage: false });
  const wire = events
    .map((event) =>
      Array.isArray(event) ? `event: ${event[0]}\ndata: ${JSON.stringify(event[1])}\n\n` : `data: ${JSON.stringify(event)}\n\n`,
    )
    .join("");
  for (const event of new SseSplitter().push(asBytes(wire))) tap.push(event);
  return tap.textBytes;
}

const words = "ten small words in each event, and nothing but those ";
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) <= expected * 0.05, `${actual}, not ${expected}`);

test("a tap counts the text of a stream, with anything around it in the events", () => {
  const chunk = (delta: object): object => ({
    id: "c",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [{ index: 0, delta, finish_reason: null }],
  });
  const expected = words.length * 50;
  near(
    textBytesOf(
      "openai-chat",
      Array.from({ length: 50 }, () => chunk({ content: words })),
    ),
    expected,
  );
  near(
    textBytesOf(
      "openai-chat",
      Array.from({ length: 50 }, () => chunk({ reasoning_content: words })),
    ),
    expected,
  );
  near(
    textBytesOf(
      "openai-chat",
      Array.from({ length: 50 }, () => chunk({ role: "assistant", content: words })),
    ),
    expected,
  );
  near(
    textBytesOf(
      "openai-chat",
      Array.from({ length: 50 }, () => chunk({ tool_calls: [{ index: 0, function: { arguments: words } }] })),
    ),
    expected,
  );
  const delta = (own: object): [string, object] => ["content_block_delta", { type: "content_block_delta", index: 0, delta: own }];
  near(
    textBytesOf(
      "anthropic-messages",
      Array.from({ length: 50 }, () => delta({ type: "text_delta", text: words })),
    ),
    expected,
  );
  near(
    textBytesOf(
      "anthropic-messages",
      Array.from({ length: 50 }, () => delta({ type: "thinking_delta", thinking: words })),
    ),
    expected,
  );
  near(
    textBytesOf(
      "anthropic-messages",
      Array.from({ length: 50 }, () => delta({ type: "input_json_delta", partial_json: words })),
    ),
    expected,
  );
  assert.equal(textBytesOf("anthropic-messages", [delta({ type: "signature_delta", signature: "x".repeat(2000) })]), 0);
  const part = { candidates: [{ content: { parts: [{ text: words }], role: "model" } }], usageMetadata: { promptTokenCount: 1 } };
  near(
    textBytesOf(
      "gemini-generate",
      Array.from({ length: 50 }, () => part),
    ),
    expected,
  );
  const type = "response.output_text.delta";
  const response = { type, item_id: "msg_1", output_index: 0, delta: words, logprobs: [], obfuscation: "x".repeat(60) };
  near(
    textBytesOf(
      "openai-responses",
      Array.from({ length: 50 }, (): [string, object] => [type, response]),
    ),
    expected,
  );
});

test("events that repeat the text, and empty ones, count nothing", () => {
  assert.equal(textBytesOf("openai-responses", [["response.output_text.done", { type: "response.output_text.done", text: words }]]), 0);
  assert.equal(textBytesOf("openai-chat", [{ choices: [{ index: 0, delta: { content: "" } }] }, { choices: [] }]), 0);
  assert.equal(
    textBytesOf("anthropic-messages", [
      ["content_block_delta", { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "" } }],
    ]),
    0,
  );
  assert.equal(textBytesOf("gemini-generate", [{ candidates: [{ finishReason: "STOP" }] }]), 0);
});
