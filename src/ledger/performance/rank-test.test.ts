import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRanks, twoSidedP } from "./rank-test.ts";

test("ranks are compared with the correction for ties, as in a worked example", () => {
  // 1, 2, 2, 4 against 2, 3, 5, 5: 3 pairs of 16 are larger, 2 are ties; Lehmann, Nonparametrics, section 1.4.
  const { effect, variance } = compareRanks([1, 2, 0, 1, 0], [0, 1, 1, 0, 2]);
  assert.ok(Math.abs(effect - (2 + 2 / 2 - 8) / 16) < 1e-12, String(effect));
  assert.ok(Math.abs(variance - (9 - (24 + 6) / 56) / 192) < 1e-12, String(variance));
  assert.deepEqual(compareRanks([5, 0], [7, 0]).effect, 0);
  assert.equal(compareRanks([0, 0], [1, 1]).variance, Infinity);
});

test("the chance of a deviation is that of the normal distribution, in its far tails too", () => {
  const rounded = [0, 1, 1.96, 2.9, 3.1, 5, 8].map((z) => twoSidedP(z).toPrecision(3));
  assert.deepEqual(rounded, ["1.00", "0.317", "0.0500", "0.00373", "0.00194", "5.73e-7", "1.24e-15"]);
});
