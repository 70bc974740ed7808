import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import type { ChatRequest } from "../../ir/index.ts";
import { parseRequest } from "./parse-request.ts";
import { generateCall } from "./testing.ts";

const parse = (wire: unknown): ChatRequest => parseRequest(wire, generateCall);

const content = (part: unknown) => ({ contents: [{ parts: [part] }] });
const faults: readonly (readonly [param: string, wire: unknown])[] = [
  ["body", []],
  ["contents[0]", {}],
  ["contents[0]", { contents: [1] }],
  ["contents[0].role", { contents: [{ role: "robot", parts: [] }] }],
  ["contents[0].role", { contents: [{ role: "constructor", parts: [] }] }],
  ["contents[0].parts[0]", content(1)],
  ["contents[0].parts[0].inlineData.mimeType", content({ inlineData: { data: "x" } })],
  ["contents[0].parts[0].fileData.fileUri", content({ fileData: {} })],
  ["contents[0].parts[0].functionCall.name", content({ functionCall: { args: {} } })],
  ["contents[0].parts[0].functionCall.args", content({ functionCall: { name: "f", args: "{}" } })],
  ["contents[0].parts[0].functionResponse.response", content({ functionResponse: { name: "f", response: "text" } })],
  ["systemInstruction", { contents: [], systemInstruction: 5 }],
  ["generateContentRequest.contents[0]", { generateContentRequest: { contents: [1] } }],
  ["generationConfig.temperature", { contents: [], generationConfig: { temperature: "hot" } }],
  ["generationConfig.stopSequences[0]", { contents: [], generationConfig: { stopSequences: [1] } }],
  ["generationConfig.thinkingConfig.thinkingBudget", { contents: [], generationConfig: { thinkingConfig: { thinkingBudget: true } } }],
  ["generationConfig.responseSchema", { contents: [], generationConfig: { responseSchema: "x" } }],
  ["tools[0].functionDeclarations[0].name", { contents: [], tools: [{ functionDeclarations: [{}] }] }],
  ["toolConfig.functionCallingConfig.mode", { contents: [], toolConfig: { functionCallingConfig: { mode: "SOME" } } }],
  ["labels", { contents: [], labels: "x" }],
];
for (const [param, wire] of faults) {
  test(`a 400 names ${param} of ${JSON.stringify(wire).slice(0, 60)}`, () => {
    assert.throws(
      () => parse(wire),
      (error) => error instanceof GatewayError && error.code === "invalid_request" && error.param === param,
    );
  });
}

test("a key __proto__ changes nothing", () => {
  const request = parse(JSON.parse('{"contents":[],"__proto__":{"polluted":true},"safety_settings":[]}'));
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.deepEqual(Object.keys(request.extensions?.["gemini-generate"] ?? {}).toSorted(), ["__proto__", "safetySettings"]);
});
