import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Usage } from "../../ir/index.ts";
import { costOfUsage } from "./charge.ts";
import { createPriceCatalogue, type PriceCatalogue } from "./price-catalogue.ts";
import { readPriceFile } from "./price-file.ts";

const saturday = Date.parse("2026-11-28T02:00:00Z");
const friday = Date.parse("2026-11-27T02:00:00Z");
const usage: Usage = { input: 1000, output: 100 };

function fileOf(t: TestContext, content: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-prices-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "prices.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

function cost(prices: PriceCatalogue, provider: string, model: string, own: Usage = usage, timeMs = saturday): bigint | undefined {
  return costOfUsage(prices, { provider, model, timeMs }, own);
}

test("a file in LiteLLM's shape prices models of its providers, with their classes and hours, over the lists", (t) => {
  const path = fileOf(t, {
    sample_spec: { input_cost_per_token: 0 },
    "gpt-5": { litellm_provider: "openai", input_cost_per_token: 2e-6, output_cost_per_token: 1e-5, input_cost_per_token_flex: 1e-6 },
    "myserver/qwen": {
      input_cost_per_token: 4e-6,
      output_cost_per_token: 0,
      off_peak_pricing: { input_cost_per_token: 1e-6, output_cost_per_token: 0, windows: [{ hours_utc: "00:00-00:00", weekdays: [6, 7] }] },
    },
  });
  const file = readPriceFile(path);
  const prices = createPriceCatalogue({ file });
  assert.deepEqual([file.models, /^\d{4}-\d\d-\d\d$/.test(file.date)], [2, true]);
  assert.deepEqual(
    [
      cost(prices, "openai", "gpt-5"),
      cost(prices, "openai", "gpt-5-2025-08-07"),
      cost(prices, "openai", "gpt-5", { input: 1000, tier: "flex" }),
      cost(prices, "myserver", "qwen"),
      cost(prices, "myserver", "qwen", usage, friday),
      cost(prices, "openai", "gpt-5-nano"),
    ],
    [3_000_000n, 3_000_000n, 1_000_000n, 1_000_000n, 4_000_000n, 90_000n],
  );
  const over = createPriceCatalogue({ file, overrides: { "gpt-5": { input: "7", output: "0" } } });
  assert.equal(cost(over, "openai", "gpt-5"), 7_000_000n);
});

test("a file in the catalogue's shape does so, too", (t) => {
  const path = fileOf(t, [
    {
      id: "openai",
      models: [{ id: "gpt-5", match: { equals: "gpt-5" }, prices: { input_mtok: 9, output_mtok: 0, web_searches_kcount: 20 } }],
    },
  ]);
  const prices = createPriceCatalogue({ file: readPriceFile(path) });
  assert.equal(cost(prices, "openai", "gpt-5", { ...usage, units: { web_search: 1 } }), 9_000_000n + 20_000_000n);
});

test("a file that is no list of prices is refused with the entry that is wrong", (t) => {
  const bad = fileOf(t, { "gpt-5": { litellm_provider: "openai", input_cost_per_token: -1 } });
  assert.throws(() => readPriceFile(bad), {
    name: "RangeError",
    message: `${bad}: "gpt-5": input_cost_per_token is -1, which is not a price in US dollars.`,
  });
  const word = fileOf(t, "prices");
  assert.throws(() => readPriceFile(word), /is neither an object of models .* nor a list of providers/);
  assert.throws(() => readPriceFile("/nowhere/prices.json"), /there is no file \/nowhere\/prices\.json/);
});

test("the configuration says all conditions; a price without input or output adds to that of the lists", () => {
  const prices = createPriceCatalogue({
    overrides: {
      m: {
        input: "1",
        output: "2",
        input_audio: "5",
        web_search: "0.01",
        above: { "200000": { input: "3" } },
        times: [{ weekdays: [5], hours: [["01:00", "04:00"]], input: "10" }],
        speeds: { fast: "2" },
        regions: { us: "1.1" },
      },
      "gpt-5": { code_session: "0.5", ultrafast: { input: "9", output: "9" } },
    },
  });
  const input = (own: Usage, timeMs = saturday): bigint | undefined => cost(prices, "p", "m", own, timeMs);
  assert.deepEqual(
    [
      input({ input: 1000, units: { input_audio: 100, web_search: 2 } }),
      input({ input: 200_001 }),
      input({ input: 1000 }, friday),
      input({ input: 1000, speed: "fast", region: "us" }),
      input({ input: 1000, speed: "slow" }),
      cost(prices, "openai", "gpt-5", { ...usage, units: { code_session: 1 } }),
      cost(prices, "openai", "gpt-5", { ...usage, tier: "flex" }),
      cost(prices, "openai", "gpt-5", { ...usage, tier: "ultrafast" }),
    ],
    [900_000n + 500_000n + 20_000_000n, 600_003_000n, 10_000_000n, 2_200_000n, undefined, 502_250_000n, 1_125_000n, 9_900_000n],
  );
});
