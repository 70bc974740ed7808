import assert from "node:assert/strict";
import { test } from "node:test";
import { SyntheticCanaries, type PlantedCanaryChange } from "./canary-testing.ts";
import { chiSquaredTail, findCanaryChanges, studentTail } from "./find-canary-changes.ts";

const dayMs = 86_400_000;
const endMs = 60 * dayMs;

function history(
  seed: number,
  { change, changedMs = 3 * dayMs }: { readonly change?: PlantedCanaryChange; readonly changedMs?: number } = {},
) {
  const series = new SyntheticCanaries(seed);
  const since = endMs - changedMs;
  return [...series.next(endMs - 28 * dayMs, since), ...series.next(since, endMs, change)];
}

test("a change is found by what changed, with its size and its beginning; `npm run test:long -- degradation` does it 120 times", () => {
  const [right] = findCanaryChanges(history(5, { change: "weaker" }), { endMs });
  assert.equal(right?.measure, "canary_right");
  assert.ok(right.before - right.after > 0.08, `${right.before} to ${right.after}`);
  assert.ok(Math.abs(right.sinceMs - (endMs - 3 * dayMs)) <= dayMs, String((endMs - right.sinceMs) / dayMs));
  // With probabilities of tokens, and without.
  for (const seed of [1, 3]) {
    const found = findCanaryChanges(history(seed, { change: "swapped" }), { endMs }).find(({ measure }) => measure === "canary_answers");
    assert.ok(found !== undefined && found.after > found.before + 0.02 && found.p < 0.02, JSON.stringify(found));
  }
});

test("noise that lasts, outages and hours of nonsense are not changes", () => {
  assert.deepEqual(findCanaryChanges(history(10), { endMs }), []);
  assert.deepEqual(findCanaryChanges(history(2, { change: "swapped", changedMs: dayMs / 8 }), { endMs }), []);
});

test("few answers, and too short a time to compare with, say nothing", () => {
  const all = history(2, { change: "swapped" });
  assert.deepEqual(findCanaryChanges([], { endMs }), []);
  assert.deepEqual(
    findCanaryChanges(
      all.filter((_, at) => at % 100 === 0),
      { endMs },
    ),
    [],
  );
  assert.deepEqual(findCanaryChanges(all, { endMs, sinceMs: () => endMs - 4 * dayMs }), []);
});

test("the tails of chi-squared and of Student's t agree with tables", () => {
  for (const [statistic, freedom, p] of [
    [3.841, 1, 0.05],
    [18.307, 10, 0.05],
    [23.209, 10, 0.01],
    [124.342, 100, 0.05],
    [135.807, 100, 0.01],
  ] as const)
    assert.ok(Math.abs(chiSquaredTail(statistic, freedom) / p - 1) < 0.03, `${statistic}: ${chiSquaredTail(statistic, freedom)}`);
  for (const [t, freedom, p] of [
    [2.228, 10, 0.05],
    [3.182, 3, 0.05],
    [4.587, 10, 0.001],
  ] as const)
    assert.ok(Math.abs(studentTail(t, freedom) / p - 1) < 0.06, `${t}: ${studentTail(t, freedom)}`);
});
