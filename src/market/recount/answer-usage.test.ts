import assert from "node:assert/strict";
import { test } from "node:test";
import { protocols } from "../../protocols/index.ts";
import { AnswerUsage } from "./answer-usage.ts";

const messages = protocols.get("anthropic-messages")!;
const usage = { input_tokens: 10, output_tokens: 900 };
const thinking = { type: "thinking", thinking: "In short.", signature: "c2lnbmVk" };
const text = { type: "text", text: "The answer is four." };

/** Messages answers, whole and as a stream. */
function estimates(blocks: readonly Record<string, unknown>[], mayHide: boolean): readonly (number | undefined)[] {
  const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: blocks, stop_reason: "end_turn", usage };
  const whole = new AnswerUsage(messages, "application/json", mayHide);
  whole.add(Buffer.from(JSON.stringify(message)));
  const stream = new AnswerUsage(messages, "text/event-stream", mayHide);
  const events: [string, object][] = [["message_start", { message: { ...message, content: [] } }]];
  for (const [index, block] of blocks.entries()) {
    const isText = block["type"] === "text";
    events.push([
      "content_block_start",
      { index, content_block: isText ? { type: "text", text: "" } : { ...block, thinking: "", signature: "" } },
    ]);
    if (isText) events.push(["content_block_delta", { index, delta: { type: "text_delta", text: block["text"] } }]);
    else events.push(["content_block_delta", { index, delta: { type: "signature_delta", signature: block["signature"] } }]);
    events.push(["content_block_stop", { index }]);
  }
  events.push(["message_delta", { delta: { stop_reason: "end_turn" }, usage }], ["message_stop", {}]);
  for (const [type, data] of events) stream.add(Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`));
  return [whole.estimate(), stream.estimate()].map((tokens) => (tokens === undefined ? undefined : Math.round(tokens)));
}

test("the text of an answer is estimated, and not that of one whose reasoning is hidden because its request has asked for it", () => {
  const [whole, stream] = estimates([text], true);
  assert.ok(whole! >= 4 && whole! <= 7 && stream === whole, `${whole} ${stream}`);
  assert.deepEqual(estimates([thinking, text], true), [undefined, undefined]);
  // A seller cannot claim reasoning that was not asked for.
  const claimed = estimates([thinking, text], false);
  assert.ok(
    claimed.every((tokens) => tokens !== undefined && tokens < 20),
    JSON.stringify(claimed),
  );
});
