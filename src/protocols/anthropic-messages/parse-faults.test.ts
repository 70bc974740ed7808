import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import type { ChatRequest } from "../../ir/index.ts";
import { parseRequest } from "./parse-request.ts";
import { generateCall } from "./testing.ts";

const parse = (wire: unknown): ChatRequest => parseRequest(wire, generateCall);
const base = { model: "m", max_tokens: 10 } as const;

const user = (block: unknown) => ({ ...base, messages: [{ role: "user", content: [block] }] });
const faults: readonly (readonly [param: string, wire: unknown])[] = [
  ["body", []],
  ["model", { messages: [] }],
  ["messages", { ...base }],
  ["messages.0", { ...base, messages: ["hi"] }],
  ["messages.0.role", { ...base, messages: [{ role: "robot", content: "x" }] }],
  ["messages.0.content", { ...base, messages: [{ role: "user" }] }],
  ["messages.0.content.0.type", user({ text: "x" })],
  ["messages.0.content.0.text", user({ type: "text", text: 1 })],
  ["messages.0.content.0.source", user({ type: "image" })],
  ["messages.0.content.0.source.type", user({ type: "image", source: { type: "gopher" } })],
  ["messages.0.content.0.source.media_type", user({ type: "image", source: { type: "base64", data: "x" } })],
  ["messages.0.content.0.tool_use_id", user({ type: "tool_result", content: "x" })],
  ["messages.0.content.0.content.0.text", user({ type: "tool_result", tool_use_id: "t", content: [{ type: "text" }] })],
  ["messages.0.content.0.cache_control.ttl", user({ type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "2h" } })],
  ["system", { ...base, messages: [], system: 1 }],
  ["max_tokens", { model: "m", messages: [], max_tokens: "10" }],
  ["temperature", { ...base, messages: [], temperature: "hot" }],
  ["stop_sequences.1", { ...base, messages: [], stop_sequences: ["a", 1] }],
  ["tools.0.name", { ...base, messages: [], tools: [{ input_schema: {} }] }],
  ["tools.0.input_schema", { ...base, messages: [], tools: [{ name: "x" }] }],
  ["tool_choice.type", { ...base, messages: [], tool_choice: { type: "some" } }],
  ["tool_choice.name", { ...base, messages: [], tool_choice: { type: "tool" } }],
  ["thinking.type", { ...base, messages: [], thinking: {} }],
  ["output_config.format.type", { ...base, messages: [], output_config: { format: { type: "xml" } } }],
  ["output_config.format.schema", { ...base, messages: [], output_config: { format: { type: "json_schema" } } }],
];
for (const [param, wire] of faults) {
  test(`a 400 names ${param}`, () => {
    assert.throws(
      () => parse(wire),
      (error) =>
        error instanceof GatewayError && error.code === "invalid_request" && error.param === param && error.message.startsWith(param),
    );
  });
}

test("a key __proto__ changes nothing", () => {
  const request = parse(JSON.parse('{"model":"m","messages":[],"__proto__":{"polluted":true}}'));
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.deepEqual(Object.keys(request.extensions?.["anthropic-messages"] ?? {}), ["__proto__"]);
});
