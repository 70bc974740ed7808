import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExact, asBytes } from "../../core/index.ts";
import type { ChatRequest } from "../../ir/index.ts";
import { geminiGenerate } from "./index.ts";
import { parseRequest } from "./parse-request.ts";
import { generateCall } from "./testing.ts";

const parse = (wire: unknown): ChatRequest => parseRequest(wire, generateCall);

test("calls without ids get ones that stay the same as the conversation grows, and results find them by name, then by order", () => {
  const turn = [
    { role: "user", parts: [{ text: "go" }] },
    {
      role: "model",
      parts: [{ functionCall: { name: "f", args: { a: 1 } } }, { functionCall: { name: "g" } }, { functionCall: { name: "f" } }],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { name: "g", response: { error: "no" } } },
        { functionResponse: { name: "f", response: { name: "f", content: { x: 1 } } } },
        { functionResponse: { response: { rows: [1], output: "x" } } },
        { functionResponse: { name: "h", response: {} } },
      ],
    },
  ];
  const later = [...turn, { role: "model", parts: [{ functionCall: { name: "f" } }] }];
  const idsOf = (contents: unknown[]) =>
    parse({ contents }).messages.flatMap(({ content }) =>
      content.flatMap((block) => {
        if (block.type === "tool-call") return [block.id];
        return block.type === "tool-result" ? [block.callId] : [];
      }),
    );
  const [f1, g, f2, ...results] = idsOf(turn);
  assert.equal(f1, "call_8244343d48e89c499ce1bfb7");
  assert.equal(new Set([f1, g, f2]).size, 3);
  const orphan = results.pop();
  assert.deepEqual(results, [g, f1, f2]);
  assert.match(orphan ?? "", /^call_[0-9a-f]{24}$/);
  assert.deepEqual(idsOf(later).slice(0, 7), idsOf(turn));
  const texts = parse({ contents: turn }).messages[2]?.content.map((block) =>
    block.type === "tool-result" ? [block.content, block.isError] : [],
  );
  assert.deepEqual(texts, [
    [[{ type: "text", text: "no" }], true],
    [[{ type: "text", text: '{"x":1}' }], undefined],
    [[{ type: "text", text: '{"rows":[1],"output":"x"}' }], undefined],
    [[{ type: "text", text: "{}" }], undefined],
  ]);
});

test("numbers in a call's arguments and in its result keep the client's spelling", () => {
  const object = '{"id":1234567890123456789,"x":1.0,"list":[-0,1E5]}';
  const parts = [
    `{"functionCall":{"id":"c","name":"f","args":${object}}}`,
    `{"function_call":{"id":"d","name":"f","args":${object}}}`,
    `{"functionResponse":{"id":"c","name":"f","response":{"result":1.0}}}`,
    `{"functionResponse":{"id":"d","name":"f","response":${object}}}`,
  ];
  const body = `{"contents":[{"role":"model","parts":[${parts.join(",")}]}],"generationConfig":{"temperature":1.0}}`;
  const request = parse(parseExact(asBytes(body), geminiGenerate.exactValues));
  const texts = request.messages[0]!.content.map((block) => {
    if (block.type !== "tool-result") return block.type === "tool-call" ? block.arguments : block.type;
    return [block.content, JSON.stringify(block.extensions?.["gemini-generate"]?.["response"])];
  });
  const result = (text: string, response: string) => [[{ type: "text", text }], response];
  assert.deepEqual(texts, [object, object, result("1.0", '{"result":1.0}'), result(object, object)]);
  assert.equal(request.temperature, 1);
  const refused = '{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":1.0}}]}]}';
  assert.throws(() => parse(parseExact(asBytes(refused), geminiGenerate.exactValues)), { code: "invalid_request" });
});
