import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, SseSplitter } from "../../core/index.ts";
import { collect } from "../../ir/index.ts";
import { bodyOf } from "../testing.ts";
import { parseResponse } from "./parse-response.ts";
import { renderRequest } from "./render-request.ts";
import { AnthropicStreamDecoder } from "./stream-decoder.ts";

test("an answer that a tool carries has the client's names of properties, whole and streamed", () => {
  const schema = {
    type: "object",
    properties: { "unit price": { type: "number" } },
    required: ["unit price"],
    additionalProperties: false,
  };
  const rendered = renderRequest(
    {
      model: "m",
      stream: false,
      messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
      responseFormat: { type: "json-schema", schema },
    },
    { model: "claude-3-5-sonnet-20241022", stream: false, quirks: {} },
  );
  const [tool] = bodyOf(rendered)["tools"] as { name: string; input_schema: object }[];
  assert.deepEqual(tool!.input_schema, {
    type: "object",
    properties: { unit_price: { type: "number", description: '"unit price"' } },
    required: ["unit_price"],
    additionalProperties: false,
  });
  const text = '{"unit price": 1.50}';
  const use = { type: "tool_use", id: "toolu_1", name: tool!.name };
  const message = { id: "msg_1", model: "m", stop_reason: "tool_use", usage: { input_tokens: 1, output_tokens: 1 } };
  const whole = `{"type":"message","content":[{"type":"tool_use","id":"toolu_1","name":"${tool!.name}","input":{"unit_price": 1.50}}],${JSON.stringify(message).slice(1)}`;
  assert.deepEqual(parseResponse(whole, rendered.toolNames).content, [{ type: "text", text }]);
  const events = [
    { type: "message_start", message: { ...message, content: [], stop_reason: null } },
    { type: "content_block_start", index: 0, content_block: { ...use, input: {} } },
    ...['{"unit_', "price", '": 1.50}'].map((partial_json) => ({
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json },
    })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  ];
  const decoder = new AnthropicStreamDecoder(rendered.toolNames);
  const stream = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  const decoded = new SseSplitter().push(latin1OfUtf8(stream)).flatMap((event) => decoder.push(event));
  assert.deepEqual(collect([...decoded, ...decoder.end()]).content, [{ type: "text", text }]);
});
