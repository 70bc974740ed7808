import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatResponse } from "../../ir/index.ts";
import { renderResponse } from "./render-response.ts";
import { clientOf, sdkWith } from "./testing.ts";

const own = (data: string) => ({ protocol: "gemini-generate", kind: "signature", data }) as const;
const response: ChatResponse = {
  id: "abc",
  model: "up",
  createdAt: 1,
  content: [
    { type: "reasoning", text: "why", proof: own("S0") },
    { type: "text", text: "because ✓" },
    { type: "reasoning", text: "", proof: own("S1") },
    { type: "text", text: "" },
    {
      type: "tool-call",
      id: "c1",
      name: "bash",
      kind: "function",
      arguments: ' { "n": 1.0, "big": 12345678901234567890 }',
      proof: own("S2"),
    },
    { type: "tool-call", id: "c2", name: "cut", kind: "function", arguments: '{"a":' },
    { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "iVBO" } },
    { type: "opaque", protocol: "openai-chat", value: { x: 1 } },
    { type: "reasoning", text: "", proof: own("S3") },
  ],
  stopReason: "tool-calls",
  usage: { input: 1200, output: 60, cacheRead: 800, cacheWrite5m: 100, reasoning: 20 },
};

test("a whole answer has its signatures on their parts, and arguments as the model wrote them", () => {
  const body = renderResponse(response, clientOf());
  assert.ok(body.includes('"args":{ "n": 1.0, "big": 12345678901234567890 }'));
  assert.deepEqual(JSON.parse(body), {
    candidates: [
      {
        content: {
          parts: [
            { text: "why", thought: true, thoughtSignature: "S0" },
            { text: "because ✓", thoughtSignature: "S1" },
            { functionCall: { id: "c1", name: "bash", args: { n: 1, big: 12345678901234567000 } }, thoughtSignature: "S2" },
            { inlineData: { mimeType: "image/png", data: "iVBO" } },
            { text: "", thoughtSignature: "S3" },
          ],
          role: "model",
        },
        finishReason: "MALFORMED_FUNCTION_CALL",
        finishMessage: 'Malformed function call: cut({"a":)',
        index: 0,
      },
    ],
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
});

test("thoughts are shown if the client asks; a proof of another protocol is omitted", () => {
  const foreign = { type: "reasoning", text: "why", proof: { protocol: "openai-responses", kind: "encrypted", data: "E" } } as const;
  const partsOf = (request: Parameters<typeof clientOf>[0]): unknown => {
    const body = renderResponse({ ...response, content: [foreign, { type: "text", text: "hi" }] }, clientOf(request));
    return (JSON.parse(body) as { candidates: [{ content: { parts: unknown } }] }).candidates[0].content.parts;
  };
  assert.deepEqual(partsOf({ reasoning: {} }), [{ text: "hi" }]);
  assert.deepEqual(partsOf({ reasoning: { visibility: "full" } }), [{ text: "why", thought: true }, { text: "hi" }]);
});

test("unknown counts of the usage are omitted, and 0 stays 0", () => {
  const usageOf = (usage: ChatResponse["usage"]) =>
    (JSON.parse(renderResponse({ ...response, usage }, clientOf())) as { usageMetadata: unknown }).usageMetadata;
  assert.deepEqual(usageOf({}), {});
  assert.deepEqual(usageOf({ input: 0, output: 0 }), { promptTokenCount: 0, candidatesTokenCount: 0, totalTokenCount: 0 });
});

test("the SDK reads text, calls, and usage", async () => {
  const content: ChatResponse["content"] = [
    { type: "text", text: '{"a":' },
    { type: "text", text: '"mock"}' },
  ];
  const body = renderResponse({ ...response, content, stopReason: "stop" }, clientOf());
  const sdk = sdkWith(() => new Response(body, { headers: { "content-type": "application/json" } }));
  const answer = await sdk.models.generateContent({ model: "gemini-alias", contents: "hi" });
  assert.deepEqual(
    [answer.text, answer.candidates?.[0]?.finishReason, answer.usageMetadata?.candidatesTokenCount, answer.modelVersion],
    ['{"a":"mock"}', "STOP", 40, "gemini-alias"],
  );
});
