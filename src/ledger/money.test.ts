import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatRate, formatUsd, parseRate, rateOfNumber, roundToNano } from "./money.ts";

test("an amount is written as the shortest exact decimal of dollars", () => {
  assert.deepEqual([0n, 1n, 1_230_000n, 1_000_000_000n, 12_000_000_010n, -5n, 9_223_372_036_854_775_807n].map(formatUsd), [
    "0",
    "0.000000001",
    "0.00123",
    "1",
    "12.00000001",
    "-0.000000005",
    "9223372036.854775807",
  ]);
});

test("femto-USD are rounded half up to nano-USD", () => {
  assert.deepEqual([0n, 499_999n, 500_000n, 1_499_999n, 1_500_000n].map(roundToNano), [0n, 0n, 1n, 1n, 2n]);
});

test("a rate is read exactly from a decimal, and any other text is refused", () => {
  assert.deepEqual(
    ["0.0375", "3", "0.003625", "999999.999999999", "007", "1.0000000001", "1e3", "-1", "", ".5", "1.", "1,5", "1000000"].map(parseRate),
    [37_500_000n, 3_000_000_000n, 3_625_000n, 999_999_999_999_999n, 7_000_000_000n, ...Array.from({ length: 8 }, () => undefined)],
  );
});

test("a catalogue's number is read as the decimal that was meant", () => {
  assert.deepEqual([0.0375, 3, 0.003625, 0.18000000000000002, 0.08333333333333334, 1e-7, 2.5e-9, 1e21].map(rateOfNumber), [
    37_500_000n,
    3_000_000_000n,
    3_625_000n,
    180_000_000n,
    83_333_333n,
    100n,
    3n,
    10n ** 30n,
  ]);
  assert.throws(() => rateOfNumber(-1), RangeError);
  assert.throws(() => rateOfNumber(Number.NaN), RangeError);
});

test("a formatted rate is parsed to the same rate", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 999_999_999_999_999n }), (rate) => {
      assert.equal(parseRate(formatRate(rate)), rate);
    }),
  );
});
