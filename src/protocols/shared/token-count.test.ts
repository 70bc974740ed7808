import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import type { ChatRequest, ProtocolId } from "../../ir/index.ts";
import { protocols } from "../index.ts";

/** A request with everything that a counter needs, and everything that it ignores. */
const request: ChatRequest = {
  model: "m",
  stream: true,
  messages: [
    { role: "system", content: [{ type: "text", text: "Be brief." }] },
    { role: "user", content: [{ type: "text", text: "Weather?" }] },
    { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "weather", kind: "function", arguments: '{"n":1.0}' }] },
    { role: "user", content: [{ type: "tool-result", callId: "c1", name: "weather", content: [{ type: "text", text: "12 °C" }] }] },
  ],
  tools: [{ type: "function", name: "weather", parameters: { type: "object", properties: { n: { type: "number" } } } }],
  toolChoice: { type: "auto" },
  maxOutputTokens: 100,
  temperature: 0.5,
  topP: 0.9,
  stop: ["x"],
  seed: 1,
  endUser: "u",
  metadata: { a: "b" },
  serviceTier: "flex",
  cacheKey: "k",
};

function counterOf(id: ProtocolId): NonNullable<ReturnType<typeof lookUp>> {
  const counter = lookUp(id);
  assert.ok(counter !== undefined);
  return counter;
}

function lookUp(id: ProtocolId): NonNullable<ReturnType<typeof protocols.get>>["upstream"]["counter"] {
  return protocols.get(id)?.upstream.counter;
}

function render(id: ProtocolId): string {
  return counterOf(id).render(request, { model: "up", stream: false, quirks: {} });
}

describe("the counters of upstreams", () => {
  test("Anthropic's gets model, system, messages and tools, and nothing that limits or samples an answer", () => {
    const text = render("anthropic-messages");
    const wire = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual(Object.keys(wire), ["model", "system", "messages", "tools", "tool_choice"]);
    assert.deepEqual([wire["model"], wire["system"]], ["up", [{ type: "text", text: "Be brief." }]]);
    assert.match(text, /"input":\{"n":1\.0\}/, "arguments are the text they are");
  });

  test("the one of Responses gets instructions, input and tools, and stores nothing", () => {
    const wire = JSON.parse(render("openai-responses")) as Record<string, unknown>;
    assert.deepEqual(Object.keys(wire), ["model", "instructions", "input", "tools", "tool_choice"]);
    assert.deepEqual([wire["model"], wire["instructions"]], ["up", "Be brief."]);
  });

  test("Gemini's gets the whole request under its model, so that instructions and tools are counted", () => {
    const wire = JSON.parse(render("gemini-generate")) as { generateContentRequest: Record<string, unknown> };
    assert.deepEqual(Object.keys(wire), ["generateContentRequest"]);
    const inner = wire.generateContentRequest;
    assert.deepEqual(Object.keys(inner), ["model", "systemInstruction", "tools", "toolConfig", "contents"]);
    assert.deepEqual([inner["model"], inner["systemInstruction"]], ["models/up", { parts: [{ text: "Be brief." }] }]);
  });

  test("their answers are one number; anything else is the provider's error", () => {
    assert.deepEqual(
      [
        counterOf("anthropic-messages").parse('{"input_tokens":7}'),
        counterOf("openai-responses").parse('{"object":"response.input_tokens","input_tokens":8}'),
        counterOf("gemini-generate").parse('{"totalTokens":9,"promptTokensDetails":[]}'),
      ],
      [7, 8, 9],
    );
    for (const body of ["", "null", "[]", "{}", '{"input_tokens":"7"}', '{"input_tokens":-1}', '{"input_tokens":1.5}']) {
      assert.throws(
        () => counterOf("anthropic-messages").parse(body),
        (error: unknown) => error instanceof GatewayError && error.code === "upstream_invalid_response",
        body,
      );
    }
  });

  test("Chat has no counter", () => {
    assert.equal(lookUp("openai-chat"), undefined);
  });
});
