import assert from "node:assert/strict";
import { test } from "node:test";
import { buildProviders, createCatalog, type AnnouncedState } from "../../upstream/index.ts";
import { suggestModel } from "./suggest-model.ts";

const provider = (name: string): Parameters<typeof buildProviders>[0][number] => ({
  name,
  enabled: true,
  protocols: ["openai-chat"],
  baseUrl: { "openai-chat": `http://${name}.example/v1` },
  keys: [],
});

/** What is suggested when the providers `one` and `two` announce these models. */
function suggested(
  models: { readonly one?: readonly string[]; readonly two?: readonly string[] },
  costs: Readonly<Record<string, bigint>> = {},
  states: readonly AnnouncedState[] = [],
): string {
  const announced = new Map(Object.entries(models));
  const catalog = createCatalog({
    providers: buildProviders([provider("one"), provider("two")]),
    routes: [],
    aliases: new Map(),
    announced,
  });
  return suggestModel({ catalog, states, costOf: ({ id }) => costs[id] });
}

test("the cheapest chat model with a price is suggested, before one with a small name, before any", () => {
  const one = ["gpt-5", "gpt-5-mini", "gpt-5-nano", "text-embedding-3-small", "free-mini", "o'mini"];
  assert.equal(
    suggested({ one }, { "gpt-5": 100n, "gpt-5-mini": 20n, "gpt-5-nano": 4n, "text-embedding-3-small": 1n, "free-mini": 0n, "o'mini": 2n }),
    "gpt-5-nano",
  );
  assert.equal(suggested({ one: ["big"], two: ["qwen3-8b"] }), "qwen3-8b");
  assert.equal(suggested({ one: ["big"] }), "big");
  assert.equal(suggested({ one: ["whisper-1"] }), "loopback");
});

test("a provider that refuses the key or cannot be reached is not suggested; one without a list of models is", () => {
  const models = { one: ["cheap-mini"], two: ["dear"] };
  const state = { provider: "one", models: 1, refreshedAtMs: 1, message: "no" };
  for (const failing of [{}, { status: 401 }, { status: 403 }])
    assert.equal(suggested(models, {}, [{ ...state, ...failing }]), "dear", JSON.stringify(failing));
  for (const status of [404, 500]) assert.equal(suggested(models, {}, [{ ...state, status }]), "cheap-mini", String(status));
  assert.equal(suggested({ one: ["cheap-mini"] }, {}, [state]), "loopback");
});
