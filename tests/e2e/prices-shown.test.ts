import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TestGateway } from "./harness.ts";
import { startGateway } from "./harness.ts";

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway({
    config: `
providers:
  anthropic: { api_key: k, base_url: "http://127.0.0.1:9", models: [claude-opus-4-8] }
  local: { protocols: [openai-chat], api_key: k, base_url: "http://127.0.0.1:9/v1", models: [mine, unpriced] }
model_aliases: { careful: anthropic/claude-opus-4-8 }
prices: { local/mine: { input: "0.05", output: "0.2", context_window: 4096 } }
`,
  });
});
after(() => gateway.stop());

async function get(path: string, key = gateway.adminKey): Promise<unknown> {
  const answer = await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(answer.status, 200);
  return await answer.json();
}

test("OpenAI's list of models has context, modalities and prices in OpenRouter's fields", async () => {
  const { data } = (await get("/v1/models")) as { data: Record<string, unknown>[] };
  const pricing = {
    prompt: "0.000005",
    completion: "0.000025",
    web_search: "0.01",
    input_cache_read: "0.0000005",
    input_cache_write: "0.00000625",
  };
  const facts = {
    context_length: 1_000_000,
    architecture: { modality: "text+image->text", input_modalities: ["text", "image"], output_modalities: ["text"] },
    pricing,
    top_provider: { context_length: 1_000_000, max_completion_tokens: 128_000, is_moderated: false },
  };
  const shown = (id: string): Record<string, unknown> => {
    const { object: _object, created: _created, owned_by: _owner, ...rest } = data.find((model) => model["id"] === id)!;
    return rest;
  };
  assert.deepEqual(shown("claude-opus-4-8"), { id: "claude-opus-4-8", ...facts });
  assert.deepEqual(shown("careful"), { id: "careful", ...facts });
  assert.deepEqual(shown("mine"), {
    id: "mine",
    context_length: 4096,
    pricing: { prompt: "0.00000005", completion: "0.0000002" },
    top_provider: { context_length: 4096, max_completion_tokens: null, is_moderated: false },
  });
  assert.deepEqual(shown("unpriced"), { id: "unpriced" });
  const { object: _object, created: _created, owned_by: _owner, ...one } = (await get("/v1/models/careful")) as Record<string, unknown>;
  assert.deepEqual(one, { id: "careful", ...facts });
});

test("a model that no provider serves is shown with the price of its maker, and one that nobody lists with none", async () => {
  const shown = async (model: string): Promise<readonly unknown[]> => {
    const { prices } = (await get(`/api/v1/prices?model=${model}`)) as {
      prices: { provider: string; model: string; price: { vendor: string } }[];
    };
    return prices.map(({ provider, model: listed, price }) => [provider, listed, price.vendor]);
  };
  assert.deepEqual([await shown("gpt-5"), await shown("nobodys-model-1")], [[["", "gpt-5", "openai"]], []]);
});

test("the price of a model is shown with its source and date, as of a day", async () => {
  const { prices } = (await get("/api/v1/prices?model=careful&as_of=2026-11-01")) as { prices: Record<string, Record<string, unknown>>[] };
  const [{ price } = {}] = prices;
  assert.deepEqual(
    [prices.length, price?.["source"], price?.["date"], price?.["vendor"], price?.["speeds"], Object.keys(price?.["classes"] as object)],
    [1, "catalogue", "2026-11-28", "anthropic", { fast: "2" }, ["batch"]],
  );
  const { sources } = (await get("/api/v1/prices/sources")) as { sources: { name: string; date: string }[] };
  assert.deepEqual(
    sources.map(({ name }) => name),
    ["catalogue", "litellm", "vendor"],
  );
  assert.deepEqual(await get("/api/v1/prices/check"), { problems: [] });
});
