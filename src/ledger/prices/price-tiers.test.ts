import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceTier, Usage } from "../../ir/index.ts";
import { chargedRow, costOfUsage, highestCost, highestCostOfRow } from "./charge.ts";
import { createPriceCatalogue } from "./price-catalogue.ts";
import { reckonCost } from "./bill.ts";
import { readSnapshot } from "./rates.ts";
import { closeRecord } from "../testing.ts";
import type { CloseRecord } from "../types.ts";

const prices = createPriceCatalogue({
  overrides: {
    "gpt-5": { input: "1", output: "10", priority: { input: "2", output: "20" }, batch: { input: "0.5", output: "5" } },
    free: { input: "0", output: "0" },
  },
});
const usage: Usage = { input: 1000, output: 100 };

function costOf(model: string, tier?: ServiceTier): bigint | undefined {
  const rates = prices.rates("openai", model, 0, 1000, tier === undefined ? {} : { tier });
  return rates && reckonCost(rates, usage);
}

test("each class of service has its own price; the cost of a class without a price is unknown", () => {
  assert.deepStrictEqual(
    [undefined, "priority", "batch", "flex"].map((tier) => costOf("gpt-5", tier as ServiceTier | undefined)),
    [2_000_000n, 4_000_000n, 1_000_000n, undefined],
  );
  // The lists know some classes.
  assert.deepEqual([costOf("gpt-4o"), costOf("gpt-4o", "priority"), costOf("gpt-4o", "flex")], [3_500_000n, 5_950_000n, undefined]);
  assert.equal(costOf("free", "priority"), 0n);
});

test("a class without a price counts in budgets for the most that it may cost", () => {
  const costs = (tier: ServiceTier): bigint | undefined =>
    highestCost((own) => costOfUsage(prices, { provider: "openai", model: "gpt-5", timeMs: 0 }, own), { ...usage, tier });
  // Known, cheaper than the standard class, at most six times as much, and not known: as the dearest.
  assert.deepEqual((["priority", "flex", "ultrafast", "other"] as const).map(costs), [4_000_000n, 2_000_000n, 12_000_000n, 12_000_000n]);
});

test("units, regions and calls without a rate count in budgets for a multiple of the standard price, never at the ceiling", () => {
  const most = (own: Usage, model = "gpt-5"): bigint | undefined =>
    highestCost((used) => costOfUsage(prices, { provider: "openai", model, timeMs: 0 }, used), own);
  // 1,000 tokens in and 100 out are 2,000,000 nano-USD.
  assert.deepEqual(
    [
      most(usage),
      most({ ...usage, region: "mars" }),
      most({ ...usage, units: { output_image: 100 } }),
      most({ ...usage, units: { maps_search: 2, image: 1 } }),
      most({ ...usage, iterations: [{ kind: "advisor", model: "unheard-of", input: 1000, output: 100 }] }),
      most({ ...usage, units: { output_image: 100 } }, "unheard-of"),
    ],
    [2_000_000n, 4_000_000n, 21_000_000n, 602_000_000n, 4_000_000n, undefined],
  );
});

test("the snapshot names the class, and reproduces the cost", () => {
  const rates = prices.rates("openai", "gpt-5", 0, 1000, { tier: "priority" })!;
  assert.equal(rates.snapshot, '{"source":"override","model":"gpt-5","tier":"priority","input":"2","output":"20"}');
  assert.equal(reckonCost(readSnapshot(rates.snapshot), usage), 4_000_000n);
});

test("invalid prices of a class are refused with the name of the class", () => {
  assert.throws(() => createPriceCatalogue({ overrides: { m: { input: "1", flex: { input: "x" } } } }), {
    name: "RangeError",
    message: /The price of "m" \(flex\) has input "x"/,
  });
  assert.throws(() => createPriceCatalogue({ overrides: { m: { input: "1", flex: { cache_read: "1" } } } }), /"m" \(flex\) has neither/);
});

test("an entry is charged at the price of its class, after its other counts have been made valid", () => {
  const record: CloseRecord = {
    requestId: "req_1",
    attempt: 1,
    timeMs: 0,
    userId: "usr_1",
    keyId: "key_1",
    dialect: "openai-chat",
    provider: "openai",
    modelAsked: "gpt-5",
    upstreamModel: "gpt-5",
    modelServed: "gpt-5",
    status: "ok",
    durationMs: 1,
    usage: { ...usage, tier: "priority" },
    usageSource: "reported",
    httpStatus: 200,
  };
  const costOfUsage = (own: Usage): bigint | null => chargedRow(prices, { ...record, usage: own }).cost_nano_usd;
  assert.equal(costOfUsage({ ...usage, tier: "priority" }), 4_000_000n);
  assert.equal(costOfUsage({ ...usage, cacheRead: -1, tier: "priority" }), 4_000_000n);
  assert.equal(costOfUsage({ ...usage, tier: "flex" }), null);
  assert.equal(costOfUsage(usage), 2_000_000n);
});

test("an operation without tokens costs nothing, with or without a price; the cost of an operation with unknown tokens is unknown", () => {
  const record: CloseRecord = {
    requestId: "req_1",
    attempt: 1,
    timeMs: 0,
    userId: "usr_1",
    keyId: "key_1",
    dialect: "anthropic-messages",
    provider: "local",
    modelAsked: "unheard-of",
    upstreamModel: "unheard-of",
    modelServed: "unheard-of",
    status: "ok",
    durationMs: 1,
    usage: {},
    usageSource: "none",
    httpStatus: 200,
  };
  const cost = (own: Partial<CloseRecord>): bigint | null => chargedRow(prices, { ...record, ...own }).cost_nano_usd;
  assert.deepEqual(
    [
      cost({}),
      cost({ modelServed: "gpt-5" }),
      cost({ inputTokensEstimate: 10 }),
      cost({ usage, usageSource: "reported" }),
      cost({ usage, usageSource: "reported", modelServed: "gpt-5" }),
    ],
    [0n, 0n, null, null, 2_000_000n],
  );
});

test("the most that an entry may cost is that of the model that its alias or target meant", () => {
  const record = closeRecord("req_1", {
    provider: "openai",
    modelAsked: "smart",
    upstreamModel: "gpt-5",
    modelServed: "gpt-5 (a deployment)",
    usage: { ...usage, tier: "flex" },
  });
  const row = chargedRow(prices, record);
  assert.deepEqual([row.cost_nano_usd, highestCostOfRow(prices, row)], [null, 2_000_000n]);
});
