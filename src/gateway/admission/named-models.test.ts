import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, memberOf } from "../../core/index.ts";
import { readNamedModels } from "./named-models.ts";

function namesIn(body: string | object): string[] {
  const text = latin1OfUtf8(typeof body === "string" ? body : JSON.stringify(body));
  return readNamedModels(text, [memberOf(text, "model")]).map(({ member, name }) => `${member}: ${name}`);
}

test("a model that a vendor reads beside the request's own is found, wherever it is", () => {
  for (const [body, names] of [
    [{ model: "m", models: ["a", "b"], route: "fallback" }, ["models: a", "models: b"]],
    // Without a list the vendor chooses.
    [{ model: "m", route: "fallback" }, ["route: fallback"]],
    [{ model: "m", route: "sort" }, []],
    [{ model: "m", fallbacks: [{ model: "a", max_tokens: 5, effort: "low" }, "b"] }, ["model: a", "fallbacks: b"]],
    [{ model: "m", fallbacks: "default" }, ["fallbacks: default"]],
    [{ model: "m", context_window_fallbacks: [{ "gpt-5": ["a"], x: ["b"] }] }, ["gpt-5: a", "x: b"]],
    [{ model: "m", Fallback_Model: "a", fallbackModels: ["b"] }, ["Fallback_Model: a", "fallbackModels: b"]],
    [{ model: "m", tools: [{ type: "advisor_20260301", name: "advisor", model: "a" }] }, ["model: a"]],
    [{ model: "m", tools: [{ type: "image_generation", model: "a" }] }, ["model: a"]],
    [{ model: "m", tools: [{ type: "openrouter:advisor", parameters: { model: "a", type: "object" } }] }, ["model: a"]],
    [{ model: "m", plugins: [{ id: "fusion", analysis_models: ["a"], model: "b" }] }, ["analysis_models: a", "model: b"]],
    [{ model: "m", extra_body: { models: ["a"] }, routingConfig: { manualMode: { modelName: "b" } } }, ["models: a", "modelName: b"]],
    [{ model: "m", moderation: { model: "a" } }, ["model: a"]],
    [{ model: "m", models: [["a"], { id: "b", model: "c" }] }, ["models: a", "model: c"]],
    [
      {
        model: "m",
        messages: [{ role: "user", content: [{ type: "tool_addition", tool: { type: "tool_definition", definition: { model: "a" } } }] }],
      },
      ["model: a"],
    ],
    [{ model: "m", input: [{ type: "tool_search_output", tools: [{ type: "image_generation", model: "a" }] }] }, ["model: a"]],
  ] as const) {
    assert.deepStrictEqual(namesIn(body), names, JSON.stringify(body));
  }
});

test("the request's own name differs from the same name in another case, with escapes, repeated, or with a letter that only looks so", () => {
  for (const [body, names] of [
    ['{"model":"m","Model":"a","MODEL":"b"}', ["Model: a", "MODEL: b"]],
    ['{"Model":"a","model":"m"}', ["Model: a"]],
    ['\ufeff { "model" : "m" , "models" : [ "a" , "b" ] }', ["models: a", "models: b"]],
    ['{"model":"m","models":["a"],"models":["b"]}', ["models: a", "models: b"]],
    ['{"model":"m","mod\\u0065ls":["\\u0061"]}', ["models: a"]],
    ['{"model":"m","model\u017f":["a"]}', ["model\u017f: a"]],
  ] as const) {
    assert.deepStrictEqual(namesIn(body), names, body);
  }
});

test("words of the conversation, values of clients and schemas name no model", () => {
  assert.deepStrictEqual(
    namesIn({
      model: "m",
      messages: [
        { role: "user", content: "model", model: "x" },
        {
          role: "assistant",
          content: [
            { type: "tool_use", name: "t", input: { model: "x", tools: [{ model: "y" }] } },
            { type: "fallback", from: { model: "x" } },
          ],
        },
        { role: "assistant", tool_calls: [{ function: { name: "t", arguments: '{"model":"x"}' } }] },
      ],
      input: ["model", { type: "image_generation_call", model: "x" }],
      contents: [{ parts: [{ functionCall: { args: { model: "x" } } }] }],
      metadata: { model: "x" },
      labels: { model: "x" },
      temperature: 1,
      models: null,
      modelRoutingPreference: "PRIORITIZE_COST",
      tools: [
        {
          type: "function",
          function: { name: "model", parameters: { properties: { model: { enum: ["x"] } }, required: ["model"], default: { model: "x" } } },
        },
        { name: "t", input_schema: { model: "x" } },
      ],
      response_format: { type: "json_schema", json_schema: { model: "x" } },
    }),
    [],
  );
});

test("what is no JSON inside is refused", () => {
  for (const body of ['{"a":{model:"x"}}', '{"a":{"b" "c"}}', '{"a":["b" "c"]}', '{"a":{"mod\\x":1}}', '{"a":{"b":}}']) {
    assert.throws(() => readNamedModels(body, []), { code: "invalid_json" }, body);
  }
});

test("a deep body and one of many small values take one pass", () => {
  const deep = `${'{"a":['.repeat(400)}1${"]}".repeat(400)}`;
  assert.deepStrictEqual(readNamedModels(deep, []), []);
  const wide = `{"a":[${'{"name":"x","b":1},'.repeat(100_000)}{"model":"x"}]}`;
  const started = process.cpuUsage().user;
  assert.deepStrictEqual(readNamedModels(wide, []), [{ name: "x", member: "model" }]);
  assert.ok(process.cpuUsage().user - started < 2_000_000);
});
