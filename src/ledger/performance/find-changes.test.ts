import assert from "node:assert/strict";
import { test } from "node:test";
import { findChanges, weekHours } from "./find-changes.ts";
import type { HourCounts } from "./measures.ts";
import { plantedChanges, SyntheticSeries, type PlantedChange } from "./testing.ts";

const length = 5 * weekHours + 96;

function history(seed: number, change?: PlantedChange, changedHours = 96): (HourCounts | undefined)[] {
  const series = new SyntheticSeries(seed);
  return Array.from({ length }, (_, hour) => series.next(hour >= length - changedHours ? change : undefined));
}

const expected: Readonly<Record<PlantedChange, readonly string[]>> = {
  slower: ["ttft", "stream_speed"],
  shorter: ["output_tokens"],
  tools: ["tool_schema"],
  swapped: ["model_served"],
  "swapped silently": ["stream_speed", "output_tokens"],
};

test("a change is found by what changed, with its size and its beginning; `npm run test:long -- degradation` does it 200 times", () => {
  for (const kind of plantedChanges) {
    const found = findChanges(history(1, kind, kind === "shorter" ? 144 : 96));
    for (const measure of expected[kind])
      assert.ok(
        found.some((change) => change.measure === measure),
        `${kind}: ${measure}`,
      );
    if (kind === "slower") {
      const { before, after, sinceHour, p } = found.find(({ measure }) => measure === "stream_speed")!;
      assert.ok(Math.abs(before / after - 1.3) < 0.08, `${before} to ${after}`);
      assert.ok(Math.abs(sinceHour - (length - 96)) <= 12, String(length - sinceHour));
      assert.ok(p < 0.001);
    }
  }
});

test("cycles, bursts, heavy tails and outages are not changes", () => {
  for (let seed = 100; seed < 106; seed++) assert.deepEqual(findChanges(history(seed)), []);
});

test("few requests, and less than two weeks to compare with, say nothing", () => {
  const all = history(7, "slower");
  assert.deepEqual(findChanges(all.map((hour, at) => (at >= length - 300 ? hour : undefined))), []);
  assert.deepEqual(findChanges(all.map((hour, at) => (at < length - 96 || at % 96 === 0 ? hour : undefined))), []);
  assert.deepEqual(findChanges([]), []);
});

test("an outage is left out, and errors that last are a change", () => {
  const failing = (hours: number): (HourCounts | undefined)[] =>
    history(3).map((hour, at) => (hour === undefined || at < length - hours ? hour : { ...hour, errors: Math.ceil(hour.attempts * 0.4) }));
  assert.deepEqual(
    findChanges(failing(6)).map(({ measure }) => measure),
    [],
  );
  assert.ok(findChanges(failing(30)).some(({ measure }) => measure === "errors"));
});
