import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { feeUnits, storageUnits, tokenUnits, unitNames, type Iteration, type UnitName, type Usage } from "../../ir/index.ts";
import { clampUsage } from "../entries/clamp-usage.ts";
import { usageOfRow } from "../entries/usage-row.ts";
import { closeRecord } from "../testing.ts";
import { reckonBill, reckonCost } from "./bill.ts";
import { chargedRow, chargeUsage } from "./charge.ts";
import { createPriceCatalogue, type PriceCatalogue } from "./price-catalogue.ts";
import { compileRates, readSnapshot, scaleCard, type RateCard } from "./rates.ts";

const count = fc.option(fc.nat({ max: 300_000 }), { nil: undefined });
const tokens = fc.record({ input: count, output: count, cacheRead: count, cacheWrite5m: count, cacheWrite1h: count, reasoning: count });
const units = fc.dictionary(fc.constantFrom(...unitNames), fc.nat({ max: 200_000 }), { noNullPrototype: true });
const without = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
const iteration: fc.Arbitrary<Iteration> = fc
  .record({
    kind: fc.constantFrom("compaction" as const, "advisor" as const),
    counts: tokens,
    model: fc.constantFrom(undefined, "gpt-5", "other"),
  })
  .map(({ kind, counts, model }) => without({ kind, model, ...counts }) as Iteration);
const usage: fc.Arbitrary<Usage> = fc
  .record({ counts: tokens, units, iterations: fc.option(fc.array(iteration, { maxLength: 3 }), { nil: undefined }) })
  .map(({ counts, units: some, iterations }) => without({ ...counts, units: some, iterations }) as Usage);

const rate = fc.bigInt({ min: 0n, max: 10n ** 11n });
const allRates = fc.record({
  input: rate,
  output: rate,
  cacheRead: rate,
  cacheWrite5m: rate,
  cacheWrite1h: rate,
  reasoning: rate,
  // Fees are whole nano-USD.
  units: fc.record(
    Object.fromEntries([
      ...[...tokenUnits, ...storageUnits].map((unit) => [unit, rate] as const),
      ...feeUnits.map((unit) => [unit, fc.bigInt({ min: 0n, max: 10n ** 8n }).map((nano) => nano * 1_000_000n)] as const),
    ]),
  ),
}) as fc.Arbitrary<RateCard>;

/** Prices of one model. */
function pricesOf(card: RateCard): PriceCatalogue {
  const rates = compileRates(card, { source: "override", model: "m" });
  return { ...createPriceCatalogue(), rates: () => rates, reportsDollars: () => false };
}

const call = { provider: "p", model: "m", timeMs: 0 };

test("the cost is the sum of its lines, and the exact sum rounded once, for any usage", () => {
  fc.assert(
    fc.property(allRates, usage, (card, given) => {
      const sound = clampUsage(given);
      const { costNanoUsd, lines } = chargeUsage(pricesOf(card), call, sound);
      if (costNanoUsd === undefined || lines === undefined) return;
      const exact = lines.reduce((sum, line) => sum + BigInt(line.count) * line.rate, 0n);
      assert.equal(
        lines.reduce((sum, line) => sum + line.costNanoUsd, 0n),
        costNanoUsd,
      );
      assert.equal((exact + 500_000n) / 1_000_000n, costNanoUsd);
      assert.ok(lines.every((line) => line.costNanoUsd >= 0n && line.count > 0));
    }),
  );
});

test("every token is in one line, whatever a server reports", () => {
  fc.assert(
    fc.property(allRates, usage, (card, given) => {
      const { iterations: _iterations, ...own } = clampUsage(given);
      const { input, output } = own;
      const bill = reckonBill(compileRates(card, { source: "override" }), own);
      if (bill === undefined || input === undefined || output === undefined) return;
      const fees: ReadonlySet<string> = new Set([...feeUnits, ...storageUnits]);
      const counted = bill.lines.filter(({ what }) => !fees.has(what)).reduce((sum, line) => sum + line.count, 0);
      assert.equal(counted, input + output);
    }),
  );
});

test("a count whose rate is not known makes the cost unknown, never 0 and never that of text", () => {
  const plain = compileRates({ input: 1_000_000_000n, output: 2_000_000_000n }, { source: "override" });
  const wholes: Usage = { input: 1000, output: 1000, cacheRead: 500, cacheWrite5m: 100, cacheWrite1h: 100 };
  const known = new Set<UnitName>([
    "input_image",
    "input_video",
    "cache_read_image",
    "cache_read_video",
    "cache_write_30m",
    "accepted_prediction",
    "rejected_prediction",
    "grounded_prompt",
  ]);
  for (const unit of unitNames) {
    const cost = reckonCost(plain, clampUsage({ ...wholes, units: { [unit]: 7 } }));
    assert.equal(cost, known.has(unit) ? reckonCost(plain, wholes) : undefined, unit);
  }
  assert.equal(reckonCost(plain, { units: { web_search: 1 } }), undefined);
});

test("what is free stays free, but a fee is not", () => {
  const free = compileRates({ input: 0n, output: 0n }, { source: "override" });
  assert.equal(reckonCost(free, { input: 9, output: 9, units: { input_audio: 9, output_image: 3 } }), 0n);
  assert.equal(reckonCost(free, { input: 9, output: 9, units: { web_search: 1 } }), undefined);
  const builtin = compileRates({ input: 0n, output: 0n }, { source: "builtin" });
  assert.equal(reckonCost(builtin, { input: 9, output: 9, units: { web_search: 1 } }), 0n);
});

test("a request costs its minimum, whose rest is a line", () => {
  const rates = compileRates({ input: 1_000_000_000n, output: 0n, minimum: 5_000_000_000_000n }, { source: "override" });
  assert.equal(reckonCost(rates, { input: 1000 }), 5_000_000n);
  assert.equal(reckonCost(rates, { input: 6000 }), 6_000_000n);
  assert.deepEqual(
    reckonBill(rates, { input: 1000, units: { input_image: 10 } })!.lines.map(({ what, costNanoUsd }) => [what, costNanoUsd]),
    [
      ["input_image", 10_000n],
      ["input", 990_000n],
      ["minimum", 4_000_000n],
    ],
  );
});

test("a factor is on all that is by token, and on no fee", () => {
  const card: RateCard = { input: 10n, output: 21n, request: 100n, units: { input_audio: 30n, web_search: 50n } };
  assert.deepEqual(scaleCard(card, 1100n), {
    input: 11n,
    output: 23n,
    request: 100n,
    minimum: undefined,
    units: { input_audio: 33n, web_search: 50n },
  });
});

test("a stored row has all that its cost is made of", () => {
  fc.assert(
    fc.property(allRates, usage, (card, given) => {
      const prices = pricesOf(card);
      const row = chargedRow(prices, closeRecord("req_1", { provider: "p", usage: given, inputTokensEstimate: 1 }));
      const again = usageOfRow(row);
      assert.equal(chargeUsage(prices, call, clampUsage(again)).costNanoUsd ?? null, row.cost_nano_usd);
      if (again.iterations === undefined && row.price_snapshot !== null)
        assert.equal(reckonCost(readSnapshot(row.price_snapshot), again) ?? null, row.cost_nano_usd);
    }),
  );
});
