import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";

import { compareWindows, quantile, renderComparisons } from "./comparison.ts";
import type { Window } from "./figures.ts";
import { turnsOf } from "./measure.ts";

function window(round: number, target: string, cpuUs: number): Window {
  const foreign = { seen: 0, notIdle: 0 };
  return { round, target, load: "W1", requests: 1000, cpuUs, requestsPerSecond: 1, p50Us: 1, p99Us: 1, rssKb: 1, foreign };
}

/** The machine slows down from round to round; the ratio of a round is what is given. */
function rounds(...ratios: readonly number[]): Window[] {
  return ratios.flatMap((ratio, i) => [window(i + 1, "gateway", 40 * (i + 1) * ratio), window(i + 1, "against", 40 * (i + 1))]);
}

test("a quantile lies between two values in proportion", () => {
  deepEqual(
    [0, 0.25, 0.5, 0.75, 1].map((share) => quantile([4, 1, 3, 2], share)),
    [1, 1.75, 2.5, 3.25, 4],
  );
  equal(quantile([7], 0.25), 7);
  throws(() => quantile([], 0.5), /no values/);
});

test("only windows of the same round are compared, and the machine's drift cancels out", () => {
  const windows = [...rounds(0.75, 1, 1.25, 1.5), window(9, "gateway", 1), window(10, "against", 1), window(1, "nginx", 1)];
  const expected = { workload: "W1", rounds: 4, lower: 0.9375, median: 1.125, upper: 1.3125, word: "too few rounds" };
  deepEqual(compareWindows("W1", windows), expected);
  equal(compareWindows("W1", [window(1, "gateway", 1), window(2, "against", 1)]), undefined);
});

test("the word of the rule is that of the lower quartile", () => {
  const word = (lower: number): string | undefined =>
    compareWindows("W1", rounds(0.9, 0.9, lower, lower, lower, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2))?.word;
  deepEqual([1, 1.001, 1.05, 1.051].map(word), ["no dearer", "at most 5 %", "at most 5 %", "dearer"]);
});

test("the order of targets turns round with each round", () => {
  deepEqual(
    [1, 2, 3].map((round) => turnsOf(round, ["a", "b", "c"])),
    [
      ["a", "b", "c"],
      ["c", "b", "a"],
      ["a", "b", "c"],
    ],
  );
});

test("each workload has its line", () => {
  const comparison = compareWindows("W1", rounds(1, 1, 1, 1, 1, 1, 1, 1, 1, 1))!;
  equal(
    renderComparisons("abc1234", [comparison, { ...comparison, workload: "W4p", upper: 1.0612 }]),
    `CPU per request, this ÷ abc1234, median of the ratios of each round:
W1   1.000  (quartiles 1.000 to 1.000, 10 rounds)  no dearer
W4p  1.000  (quartiles 1.000 to 1.061, 10 rounds)  no dearer`,
  );
});
