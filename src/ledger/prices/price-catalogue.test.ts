import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { calcPrice, findProvider } from "@pydantic/genai-prices";
import type { Usage } from "../../ir/index.ts";
import { createPriceCatalogue, type PriceCatalogue } from "./price-catalogue.ts";
import { reckonCost } from "./bill.ts";
import { lookUpIn } from "./list-look-up.ts";
import type { PriceList } from "./price-list.ts";

const november = Date.parse("2026-11-01T12:00:00Z");

function snapshotOf(prices: PriceCatalogue, provider: string, model: string, timeMs = november, inputTokens = 0): unknown {
  const rates = prices.rates(provider, model, timeMs, inputTokens);
  return rates && JSON.parse(rates.snapshot);
}

test("a model is priced by its provider's preset, whatever the provider's name is", () => {
  const prices = createPriceCatalogue({
    describe: (provider) => ({ "my-eu": { preset: "openai" }, claude: { preset: "anthropic" }, az: { preset: "azure-openai" } })[provider],
  });
  assert.deepEqual(
    [
      snapshotOf(prices, "my-eu", "gpt-5"),
      snapshotOf(prices, "claude", "claude-sonnet-4-5-20250929"),
      snapshotOf(prices, "az", "GPT-4o"),
      snapshotOf(prices, "openai", "gpt-5"),
    ],
    [
      { source: "catalogue", vendor: "openai", model: "gpt-5", input: "1.25", output: "10", cache_read: "0.125" },
      {
        source: "catalogue",
        vendor: "anthropic",
        model: "claude-sonnet-4-5-20250929",
        input: "3",
        output: "15",
        cache_read: "0.3",
        cache_write_5m: "3.75",
        cache_write_1h: "6",
      },
      { source: "catalogue", vendor: "azure", model: "gpt-4o", input: "2.5", output: "10", cache_read: "1.25" },
      { source: "catalogue", vendor: "openai", model: "gpt-5", input: "1.25", output: "10", cache_read: "0.125" },
    ],
  );
});

test("without a preset, a provider is priced by the vendor of its base URL", () => {
  const prices = createPriceCatalogue({
    describe: (provider) =>
      ({ main: { baseUrls: ["https://api.openai.com/v1"] }, relay: { baseUrls: ["https://relay.example/v1"] } })[provider],
  });
  assert.deepEqual([snapshotOf(prices, "main", "gpt-5") !== undefined, snapshotOf(prices, "relay", "gpt-5")], [true, undefined]);
});

test("every preset that has a vendor is found", () => {
  const prices = createPriceCatalogue();
  const models: Readonly<Record<string, string>> = {
    openai: "gpt-5",
    anthropic: "claude-opus-4-1",
    google: "gemini-2.5-pro",
    gemini: "gemini-2.5-pro",
    "azure-openai": "gpt-4o",
    openrouter: "openai/gpt-4o",
    deepseek: "deepseek-chat",
    groq: "llama-3.3-70b-versatile",
    mistral: "mistral-large-latest",
    xai: "grok-4",
    grok: "grok-4",
    together: "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    fireworks: "accounts/fireworks/models/deepseek-v3p2",
  };
  assert.deepEqual(
    Object.entries(models).filter(([provider, model]) => prices.rates(provider, model, november, 0) === undefined),
    [],
  );
});

test("a self-hosted server has no price, even if its name or its models resemble a vendor's", () => {
  const prices = createPriceCatalogue();
  for (const provider of ["ollama", "vllm", "lm-studio", "llama.cpp", "local", "my-openai", "openai-proxy", "constructor", "__proto__"]) {
    for (const model of ["gpt-4o", "claude-sonnet-4-5", "qwen3", "deepseek-chat", ""]) {
      assert.equal(prices.rates(provider, model, november, 0), undefined, `${provider} ${model}`);
    }
  }
});

test("the built-in provider costs exactly nothing", () => {
  const byName = createPriceCatalogue().rates("loopback", "anything", november, 0)!;
  const byFacts = createPriceCatalogue({ describe: () => ({ builtin: true }) }).rates("echo", "anything", november, 0)!;
  assert.deepEqual(
    [reckonCost(byName, {}), reckonCost(byName, { input: 5, output: 7 }), reckonCost(byFacts, {}), byName.snapshot],
    [0n, 0n, 0n, '{"source":"builtin","input":"0","output":"0"}'],
  );
});

test("a bare model name is priced if it can mean only one maker", () => {
  const prices = createPriceCatalogue();
  const vendorOf = (model: string): unknown => (snapshotOf(prices, "", model) as { vendor: string } | undefined)?.vendor;
  assert.deepEqual(
    [
      "gpt-5",
      "claude-opus-4-1",
      "gemini-2.5-pro",
      "deepseek-chat",
      "mistral-large-latest",
      "llama-3.3-70b-versatile",
      "gemini-claude",
      "nothing-1",
    ].map(vendorOf),
    ["openai", "anthropic", "google", "deepseek", "mistral", undefined, undefined, undefined],
  );
});

test("a name that two makers could claim belongs to neither", () => {
  const prices = createPriceCatalogue();
  assert.equal(prices.rates("", "claude-opus-4-1-gemini", november, 0), undefined);
  assert.notEqual(prices.rates("anthropic", "claude-opus-4-1", november, 0), undefined);
});

test("a date without dashes matches the date with dashes; other digits do not", () => {
  const prices = createPriceCatalogue();
  assert.deepEqual(
    [snapshotOf(prices, "openai", "gpt-4o-20240806"), snapshotOf(prices, "openai", "gpt-4o-20241399")],
    [{ source: "catalogue", vendor: "openai", model: "gpt-4o", input: "2.5", output: "10", cache_read: "1.25" }, undefined],
  );
});

test("a long prompt costs the higher rates for all of its tokens", () => {
  const prices = createPriceCatalogue();
  const rates = [200_000, 200_001].map((input) => prices.rates("google", "gemini-2.5-pro", november, input)!);
  assert.deepEqual(
    rates.map((rate, i) => [reckonCost(rate, { input: 200_000 + i, output: 1000 }), JSON.parse(rate.snapshot).above_input_tokens]),
    [
      [200_000n * 1250n + 1000n * 10_000n, undefined],
      [200_001n * 2500n + 1000n * 15_000n, 200_000],
    ],
  );
});

test("a price applies from its day on, and by the hour if the vendor's prices depend on the hour", () => {
  const prices = createPriceCatalogue();
  const inputAt = (provider: string, model: string, time: string): unknown =>
    (snapshotOf(prices, provider, model, Date.parse(time)) as { input: string }).input;
  assert.deepEqual(
    [
      inputAt("openai", "o3", "2025-06-09T23:59:59.999Z"),
      inputAt("openai", "o3", "2025-06-10T00:00:00Z"),
      inputAt("deepseek", "deepseek-v4-pro", "2026-08-16T02:00:00Z"),
      inputAt("deepseek", "deepseek-v4-pro", "2026-08-18T00:59:59Z"),
      inputAt("deepseek", "deepseek-v4-pro", "2026-08-18T01:00:00Z"),
      inputAt("deepseek", "deepseek-v4-pro", "2026-08-18T04:00:00Z"),
    ],
    ["10", "2", "0.435", "0.66", "1.32", "0.66"],
  );
});

test("an override by provider and model comes before one by model, and that before the catalogue", () => {
  const prices = createPriceCatalogue({
    overrides: {
      "openai/gpt-5": { input: "1", output: "2" },
      "gpt-5": { input: "3", output: "4", cache_read: "0.0000375", cache_write_5m: "5", cache_write_1h: "6" },
      "Local/Qwen3": { input: "0.05" },
    },
  });
  assert.deepEqual(
    [snapshotOf(prices, "openai", "gpt-5"), snapshotOf(prices, "vllm", "gpt-5"), snapshotOf(prices, "local", "qwen3")],
    [
      { source: "override", model: "openai/gpt-5", input: "1", output: "2" },
      { source: "override", model: "gpt-5", input: "3", output: "4", cache_read: "0.0000375", cache_write_5m: "5", cache_write_1h: "6" },
      { source: "override", model: "Local/Qwen3", input: "0.05" },
    ],
  );
});

test("an invalid override is refused with its name and the correct form", () => {
  assert.throws(() => createPriceCatalogue({ overrides: { "openai/gpt-5": { input: "1e3" } } }), {
    name: "RangeError",
    message:
      'The price of "openai/gpt-5" has input "1e3". Write US dollars a million tokens as a decimal with at most nine places, such as "0.25".',
  });
  assert.throws(() => createPriceCatalogue({ overrides: { "gpt-5": {} } }), {
    name: "RangeError",
    message: 'The price of "gpt-5" has neither input nor output. Give at least one of them, in US dollars a million tokens.',
  });
});

test("a model that is not paid by the token has no price; a model whose name says free costs nothing", () => {
  const prices = createPriceCatalogue();
  assert.deepEqual(
    [
      snapshotOf(prices, "openai", "whisper-1"),
      snapshotOf(prices, "github-copilot", "gpt-4o"),
      snapshotOf(prices, "openrouter", "deepseek/deepseek-r1:free"),
    ],
    [undefined, undefined, { source: "catalogue", vendor: "openrouter", model: "deepseek/deepseek-r1:free", input: "0", output: "0" }],
  );
});

test("invented names do not fill the memory, and a name that was dropped from the cache is priced again", () => {
  let described = 0;
  const prices = createPriceCatalogue({
    maxCachedModels: 3,
    describe: () => {
      described += 1;
      return { preset: "openai" };
    },
  });
  const first = prices.rates("openai", "gpt-5", november, 0);
  assert.equal(prices.rates("openai", "gpt-5", november, 0), first);
  assert.equal(described, 1);
  for (const model of ["a", "b", "c"]) assert.equal(prices.rates("openai", model, november, 0), undefined);
  assert.deepEqual(prices.rates("openai", "gpt-5", november, 0), first);
  assert.equal(described, 5);
});

test("an override that only adds a rate to a name that has meant several models keeps all of them", () => {
  const plain = createPriceCatalogue();
  const prices = createPriceCatalogue({ overrides: { "mistral-large-latest": { cache_read: "0.5" } } });
  const times = ["2025-11-01", "2025-12-02"].map((day) => Date.parse(day));
  const rates = (of: PriceCatalogue): unknown =>
    times.map((timeMs) => {
      const found = of.rates("mistral", "mistral-large-latest", timeMs, 0)!;
      return [found.input, found.output];
    });
  assert.deepEqual(rates(prices), rates(plain));
  assert.deepEqual(
    times.map((timeMs) => prices.rates("mistral", "mistral-large-latest", timeMs, 0)!.cacheRead),
    [500_000_000n, 500_000_000n],
  );
});

/** The ids of all vendors, from the package's text, as the package has no list of them. */
function vendorIds(): readonly string[] {
  const text = readFileSync(fileURLToPath(import.meta.resolve("@pydantic/genai-prices")), "utf8");
  const ids = [...text.matchAll(/^ {4}id: "([^"]+)"/gm)].map((match) => match[1]!);
  return ids.filter((id) => findProvider({ providerId: id })?.id === id);
}

const noList: PriceList = { sources: {}, fees: {}, vendors: {}, aliases: {}, disagreements: [] };

test("on the whole catalogue, costs agree with the package's own calculation", () => {
  const vendors = vendorIds();
  const prices = createPriceCatalogue({ describe: (provider) => ({ preset: provider }), maxCachedModels: 10_000, list: lookUpIn(noList) });
  const usages: Usage[] = [
    { input: 1000, output: 500 },
    { input: 150_000, output: 20_000, cacheRead: 100_000, cacheWrite5m: 30_000, cacheWrite1h: 10_000 },
    { input: 300_000, output: 64_000, cacheRead: 123_456, reasoning: 40_000 },
    { input: 1_000_003, output: 7, cacheWrite1h: 999 },
  ];
  let compared = 0;
  for (const vendor of vendors) {
    for (const model of findProvider({ providerId: vendor })!.models) {
      for (const time of ["2025-01-15T20:00:00Z", "2026-08-20T02:30:00Z", "2027-02-01T12:00:00Z"]) {
        for (const usage of usages) {
          const rates = prices.rates(vendor, model.id, Date.parse(time), usage.input!);
          const ours = rates && reckonCost(rates, usage);
          const theirs = calcPrice(
            {
              input_tokens: usage.input,
              output_tokens: usage.output,
              cache_read_tokens: usage.cacheRead,
              cache_write_tokens: (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0),
              cache_write_5m_tokens: usage.cacheWrite5m,
              cache_write_1h_tokens: usage.cacheWrite1h,
              output_reasoning_tokens: usage.reasoning,
            },
            model.id,
            { providerId: vendor, timestamp: new Date(time) },
          );
          if (theirs === null || ours === undefined) {
            // Both know the model, and the package's price has no rate for cached tokens: the package treats them as free, the ledger does not.
            if (theirs !== null)
              assert.ok(!("input_mtok" in theirs.model_price && "output_mtok" in theirs.model_price), `${vendor} ${model.id}`);
            else assert.equal(rates, undefined);
            continue;
          }
          const difference = Math.abs(Number(ours) / 1e9 - theirs.total_price);
          assert.ok(difference <= 1.5e-9 + theirs.total_price * 1e-8, `${vendor} ${model.id} ${time}: ${ours} and ${theirs.total_price}`);
          compared += 1;
        }
      }
    }
  }
  assert.ok(vendors.length > 30 && compared > 10_000, `${vendors.length} vendors, ${compared} costs`);
});
