import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Usage } from "../../ir/index.ts";
import { parseRate } from "../money.ts";
import { reckonCost } from "./bill.ts";
import { sheetOfCatalogue } from "./catalogue-shape.ts";
import { compileRates, readSnapshot, type RateCard } from "./rates.ts";
import { clampUsage } from "../entries/clamp-usage.ts";

const card: RateCard = {
  input: 3_000_000_000n,
  output: 15_000_000_000n,
  cacheRead: 300_000_000n,
  cacheWrite5m: 3_750_000_000n,
  cacheWrite1h: 6_000_000_000n,
};

const rates = compileRates(card, { source: "override" });

test("each part of a usage costs its own rate", () => {
  assert.deepEqual(
    [
      { input: 1_000_000 },
      { output: 1_000_000 },
      { input: 1_000_000, cacheRead: 1_000_000 },
      { input: 1_000_000, cacheWrite5m: 1_000_000 },
      { input: 1_000_000, cacheWrite1h: 1_000_000 },
      { input: 1000, cacheRead: 200, cacheWrite5m: 300, cacheWrite1h: 100, output: 50, reasoning: 40 },
    ].map((usage) => reckonCost(rates, usage)),
    [
      3_000_000_000n,
      15_000_000_000n,
      300_000_000n,
      3_750_000_000n,
      6_000_000_000n,
      1_200_000n + 60_000n + 1_125_000n + 600_000n + 750_000n,
    ],
  );
});

test("a part without a rate has the rate of the whole, a 1-hour write that of a 5-minute one", () => {
  const plain = compileRates({ input: 2_000_000_000n, output: 8_000_000_000n, cacheWrite5m: 5_000_000_000n }, { source: "override" });
  assert.deepEqual(
    [
      { input: 10, cacheRead: 10 },
      { input: 10, cacheWrite1h: 10 },
      { output: 10, reasoning: 10 },
    ].map((usage) => reckonCost(plain, usage)),
    [20_000n, 50_000n, 80_000n],
  );
});

test("reasoning with its own rate is not counted twice", () => {
  const own = compileRates({ input: 0n, output: 8_000_000_000n, reasoning: 3_000_000_000n }, { source: "override" });
  assert.equal(reckonCost(own, { input: 0, output: 100, reasoning: 60 }), 40n * 8000n + 60n * 3000n);
});

test("the cost of an unreported usage is unknown, unless everything is free", () => {
  assert.equal(reckonCost(rates, {}), undefined);
  assert.equal(reckonCost(rates, { input: 0 }), 0n);
  const free = compileRates({ input: 0n, output: 0n }, { source: "builtin" });
  assert.equal(reckonCost(free, {}), 0n);
});

test("parts of an unreported whole are charged by themselves", () => {
  assert.deepEqual(
    [{ reasoning: 5 }, { cacheRead: 10 }, { cacheWrite1h: 10, output: 1 }].map((usage) => reckonCost(rates, usage)),
    [75_000n, 3000n, 75_000n],
  );
});

test("a count that has no rate makes the cost unknown, a count of 0 does not", () => {
  const embedding = compileRates({ input: 20_000_000n }, { source: "override" });
  assert.equal(reckonCost(embedding, { input: 100, output: 0 }), 2000n);
  assert.equal(reckonCost(embedding, { input: 100, output: 1 }), undefined);
  assert.equal(reckonCost(compileRates({ output: 1n }, { source: "override" }), { input: 5, cacheRead: 5 }), undefined);
});

test("a fee per request is added once, and rounding comes last", () => {
  const fee = compileRates({ input: 400_000n, output: 400_000n, request: 12_000_000_000_000n }, { source: "override" });
  assert.equal(reckonCost(fee, { input: 1, output: 1 }), 12_000_001n);
  assert.equal(fee.snapshot, '{"source":"override","input":"0.0004","output":"0.0004","per_request":"0.012"}');
});

test("a sum past a 64-bit column is unknown", () => {
  const dear = compileRates({ input: 9_223_372_036n * 1_000_000n, output: 0n }, { source: "override" });
  assert.equal(reckonCost(dear, { input: 1_000_000_000 }), 9_223_372_036_000_000_000n);
  assert.equal(reckonCost(dear, { input: 1_000_000_001 }), undefined);
});

const anyCount = fc.option(
  fc.oneof(
    fc.nat({ max: 5_000_000 }),
    fc.constantFrom(0, -1, 1.5, Number.NaN, Infinity, 1e308, 1e12, 2e12),
    fc.integer({ min: 0, max: 1e12 }),
  ),
  { nil: undefined },
);
const anyUsage: fc.Arbitrary<Usage> = fc
  .record({ input: anyCount, output: anyCount, cacheRead: anyCount, cacheWrite5m: anyCount, cacheWrite1h: anyCount, reasoning: anyCount })
  .map((usage) => Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined)));
const anyPrice = fc
  .tuple(fc.nat({ max: 100 }), fc.option(fc.nat({ max: 999_999_999 })))
  .map(([whole, decimals]) => (decimals === null ? String(whole) : `${whole}.${String(decimals).padStart(9, "0")}`));

/** In units of 10⁻³⁰ $, calculated from the decimals themselves. */
function oracle(prices: Readonly<Record<string, string>>, usage: Usage): bigint | undefined {
  const sound = (value: number | undefined): bigint | undefined =>
    value !== undefined && Number.isInteger(value) && value >= 0 && value <= 1e12 ? BigInt(value) : undefined;
  const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
  const input = sound(usage.input);
  const output = sound(usage.output);
  const limit = input ?? 10n ** 15n;
  const read = min(sound(usage.cacheRead) ?? 0n, limit);
  const write5m = min(sound(usage.cacheWrite5m) ?? 0n, limit - read);
  const write1h = min(sound(usage.cacheWrite1h) ?? 0n, limit - read - write5m);
  const reasoning = sound(usage.reasoning) ?? 0n;
  if (input === undefined && output === undefined && read + write5m + write1h + reasoning === 0n) return undefined;
  const price = (name: string): bigint => {
    const [whole, decimals = ""] = prices[name]!.split(".");
    return BigInt(whole! + decimals.padEnd(24, "0"));
  };
  const fresh = input === undefined ? 0n : input - read - write5m - write1h;
  const sum =
    fresh * price("input") +
    read * price("cache_read") +
    write5m * price("cache_write_5m") +
    write1h * price("cache_write_1h") +
    (output ?? reasoning) * price("output");
  const nano = 10n ** 21n;
  const rounded = sum / nano + (sum % nano >= nano / 2n ? 1n : 0n);
  return rounded < 2n ** 63n ? rounded : undefined;
}

test("for any usage and any prices the cost is the exact sum, rounded once", () => {
  fc.assert(
    fc.property(
      fc.record({ input: anyPrice, output: anyPrice, cache_read: anyPrice, cache_write_5m: anyPrice, cache_write_1h: anyPrice }),
      anyUsage,
      (prices, usage) => {
        const rate = (name: keyof typeof prices): bigint => parseRate(prices[name])!;
        const compiled = compileRates(
          {
            input: rate("input"),
            output: rate("output"),
            cacheRead: rate("cache_read"),
            cacheWrite5m: rate("cache_write_5m"),
            cacheWrite1h: rate("cache_write_1h"),
          },
          { source: "override" },
        );
        fc.pre(!compiled.free);
        assert.equal(reckonCost(compiled, clampUsage(usage)), oracle(prices, usage));
      },
    ),
    { numRuns: 2000 },
  );
});

test("the stored snapshot reproduces the stored cost, for any rates", () => {
  const anyRate = fc.option(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), { nil: undefined });
  // A fee is stored in nano-USD.
  const anyFee = fc.option(
    fc.bigInt({ min: 0n, max: 10n ** 12n }).map((nano) => nano * 1_000_000n),
    { nil: undefined },
  );
  const anyCard = fc.record({
    input: anyRate,
    output: anyRate,
    cacheRead: anyRate,
    cacheWrite5m: anyRate,
    cacheWrite1h: anyRate,
    reasoning: anyRate,
    request: anyFee,
  });
  const origin = { source: "catalogue", vendor: "v", model: "m", above_input_tokens: 200_000 } as const;
  fc.assert(
    fc.property(anyCard, anyUsage, (rateCard, usage) => {
      const compiled = compileRates(rateCard, origin);
      const stored = readSnapshot(compiled.snapshot);
      assert.deepStrictEqual(stored, compiled);
      assert.equal(reckonCost(stored, clampUsage(usage)), reckonCost(compiled, clampUsage(usage)));
    }),
    { numRuns: 2000 },
  );
});

test("an invalid snapshot is refused", () => {
  assert.throws(() => readSnapshot("{"), SyntaxError);
  assert.throws(() => readSnapshot('{"source":"override","input":"-1"}'), RangeError);
});

test("an hour at the rate of a second costs what the hour does, from the snapshot too", () => {
  const hourly = [0.04, 0.111, 0.36].map((price) => {
    const model = { id: "m", match: { equals: "m" }, prices: { input_mtok: 1, input_audio_hours: price } };
    const live = compileRates(sheetOfCatalogue(model, { source: "catalogue" })!.periods[0]!.bands[0]!.card, { source: "catalogue" });
    const stored = readSnapshot(live.fullSnapshot);
    const usage: Usage = { input: 0, units: { input_seconds: 3600 } };
    return [reckonCost(live, usage), reckonCost(stored, usage), stored.fullSnapshot === live.fullSnapshot];
  });
  assert.deepEqual(hourly, [
    [40_000_000n, 40_000_000n, true],
    [111_000_000n, 111_000_000n, true],
    [360_000_000n, 360_000_000n, true],
  ]);
});

test("the fee of a request, and the least of one, keep the digits below a nano-dollar in the snapshot", () => {
  const live = compileRates({ ...card, request: 1_234_567n, minimum: 7n }, { source: "override" });
  const { request, minimum } = readSnapshot(live.snapshot);
  assert.deepEqual([request, minimum], [1_234_567n, 7n]);
});
