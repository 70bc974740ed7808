import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8 } from "../core/index.ts";
import { replay, type ChatResponse, type Tool } from "../ir/index.ts";
import { protocols, type ClientContext } from "../protocols/index.ts";
import { checkToolCalls } from "./check-tool-calls.ts";
import { schemaWithoutPatterns } from "./schema-without-patterns.ts";

const tools: readonly Tool[] = [
  {
    type: "function",
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer", minimum: 1 } },
      required: ["city"],
      additionalProperties: false,
    },
  },
  { type: "function", name: "now" },
];
const context: ClientContext = { model: "m", includeUsage: true, jsonArray: false, request: { model: "m", messages: [], tools } as never };

function answer(calls: readonly (readonly [name: string, args: string])[]): ChatResponse {
  const content = calls.map(
    ([name, args], at) => ({ type: "tool-call", id: `call_${at}`, name, kind: "function", arguments: args }) as const,
  );
  const text = { type: "text", text: "Déjà" } as const;
  return { id: "a1", model: "m", createdAt: 1, content: [text, ...content], stopReason: "tool-calls", usage: { input: 1, output: 1 } };
}

const calls = [
  ["get_weather", '{"city":"Zürich","days":2}'],
  ["get_weather", '{"days":2}'],
  ["get_weather", '{"city":"Bern","days":0}'],
  ["unknown", '{"city":"Bern"}'],
  ["now", "{}"],
] as const;

test("calls of tools in an answer are counted as their client got them, in every dialect, streamed and not", () => {
  for (const protocol of protocols.values()) {
    const whole = latin1OfUtf8(protocol.renderResponse(answer(calls), context));
    const encoder = protocol.createStreamEncoder(context);
    const stream = latin1OfUtf8(
      replay(answer(calls))
        .map((event) => encoder.push(event))
        .join(""),
    );
    for (const bytes of [whole, stream])
      assert.deepEqual(
        checkToolCalls(protocol.upstream, bytes, () => tools),
        { calls: 5, parsed: 5, fit: 2 },
        protocol.id,
      );
  }
});

test("arguments that are no JSON are counted; a schema that cannot be compiled compares nothing; an answer without calls says nothing", () => {
  const chat = protocols.get("openai-chat")!;
  const count = (made: ChatResponse, known: readonly Tool[] | undefined): unknown =>
    checkToolCalls(chat.upstream, latin1OfUtf8(chat.renderResponse(made, context)), () => known);
  const broken = answer([...calls.slice(0, 1), ["get_weather", '{"city":']]);
  assert.deepEqual(count(broken, tools), { calls: 2, parsed: 1, fit: 1 });
  const strange: Tool = { type: "function", name: "get_weather", parameters: { type: "object", $ref: "https://example.org/other" } };
  assert.deepEqual(count(broken, [strange]), { calls: 2, parsed: 1 });
  assert.deepEqual(count(broken, undefined), { calls: 2, parsed: 1 });
  assert.equal(count(answer([]), tools), undefined);
});

test("patterns of a client's schema are not run, and properties of their names are kept", () => {
  const schema = {
    type: "object",
    properties: { pattern: { type: "string", pattern: "^(a+)+$" }, mail: { type: "string", format: "email" }, kind: { enum: ["pattern"] } },
    patternProperties: { "^(b+)+$": { type: "string" } },
    required: ["pattern"],
    allOf: [{ pattern: "x", minProperties: 1 }],
  };
  assert.deepEqual(schemaWithoutPatterns(schema), {
    type: "object",
    properties: { pattern: { type: "string" }, mail: { type: "string" }, kind: { enum: ["pattern"] } },
    required: ["pattern"],
    allOf: [{ minProperties: 1 }],
  });
  const slow = { type: "object", properties: { text: { type: "string", pattern: "^(a+)+$" } } };
  const openai = protocols.get("openai-chat")!;
  const calls = [["f", JSON.stringify({ text: `${"a".repeat(60)}!` })]] as const;
  const json = latin1OfUtf8(openai.renderResponse(answer(calls), context));
  assert.deepEqual(
    checkToolCalls(openai.upstream, json, () => [{ type: "function", name: "f", parameters: slow }]),
    { calls: 1, parsed: 1, fit: 1 },
  );
});

test("a schema whose definitions grow at each step, or name themselves, is not compared", () => {
  const chat = protocols.get("openai-chat")!;
  const steps = Array.from({ length: 30 }, (_, at) => [
    `d${at}`,
    { anyOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] },
  ]);
  const growing = { ...Object.fromEntries(steps), d30: { type: "string" } };
  const own = { d0: { properties: { a: { $ref: "#/$defs/d0" } } } };
  const shared = { d0: { type: "integer" } };
  const count = ($defs: object): unknown =>
    checkToolCalls(chat.upstream, latin1OfUtf8(chat.renderResponse(answer([["f", '{"a":1}']]), context)), () => [
      { type: "function", name: "f", parameters: { type: "object", properties: { a: { $ref: "#/$defs/d0" } }, $defs } },
    ]);
  assert.deepEqual(
    [count(growing), count(own), count(shared)],
    [
      { calls: 1, parsed: 1 },
      { calls: 1, parsed: 1 },
      { calls: 1, parsed: 1, fit: 1 },
    ],
  );
});
