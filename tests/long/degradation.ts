import assert from "node:assert/strict";
import { test } from "node:test";
import { findChanges, largestP } from "../../src/ledger/performance/find-changes.ts";
import { plantedChanges, SyntheticSeries, type PlantedChange } from "../../src/ledger/performance/testing.ts";
import { lookHours } from "../../src/ledger/performance/performance-watch.ts";
import { largestCanaryP } from "../../src/ledger/performance/find-canary-changes.ts";
import { plantedCanaryChanges } from "../../src/ledger/performance/canary-testing.ts";
import { canaryCandidates, listenToCanaryNoise, plantCanaryChanges, statedCanaryHours } from "../testbed/canary-histories.ts";
import { writeFigures } from "./figures.ts";

/** As `docs/degradation.md` states them. */
const statedHours: Readonly<Record<PlantedChange, number>> = { swapped: 12, "swapped silently": 24, slower: 36, tools: 96, shorter: 168 };
const historiesPerKind = 40;
const noiseSeries = 160;
const noiseHours = 336;
const noiseStep = 4;
const candidates = [0.05, 0.02, 0.01, 0.005, 0.002] as const;
const mostFalseAlarms = 1 / 1000;

/** The first hour in which each of the candidates finds the change. */
interface History {
  readonly kind: PlantedChange;
  readonly foundAfter: readonly number[];
}

function plant(kind: PlantedChange, seed: number): History {
  const series = new SyntheticSeries(seed);
  // The change begins at any hour of the day.
  const hours = Array.from({ length: lookHours + (seed % 24) }, () => series.next());
  const foundAfter: number[] = candidates.map(() => Infinity);
  for (let hour = 1; hour <= Math.max(...Object.values(statedHours)); hour++) {
    hours.push(series.next(kind));
    hours.shift();
    if (hour % 2 !== 0) continue;
    const p = Math.min(1, ...findChanges(hours.slice(-lookHours), 0, candidates[0]).map((change) => change.p));
    for (const [at, candidate] of candidates.entries()) if (p < candidate) foundAfter[at] = Math.min(foundAfter[at]!, hour);
    if (!foundAfter.includes(Infinity)) break;
  }
  return { kind, foundAfter };
}

/** Windows of noise, and how many of them each candidate takes for a change. */
function listen(seed: number): Noise {
  const series = new SyntheticSeries(seed);
  const hours = Array.from({ length: lookHours }, () => series.next());
  const alarms: number[] = candidates.map(() => 0);
  let windows = 0;
  for (let hour = 0; hour < noiseHours; hour++) {
    hours.push(series.next());
    hours.shift();
    if (hour % noiseStep !== 0) continue;
    windows += 1;
    const p = Math.min(1, ...findChanges(hours, 0, candidates[0]).map((change) => change.p));
    for (const [at, candidate] of candidates.entries()) if (p < candidate) alarms[at]! += 1;
  }
  return { windows, alarms };
}

interface Noise {
  readonly windows: number;
  readonly alarms: readonly number[];
}

function falseAlarms(noise: readonly Noise[], at: number): { readonly windows: number; readonly alarms: number } {
  const sum = (of: (each: Noise) => number): number => noise.reduce((total, each) => total + of(each), 0);
  return { windows: sum(({ windows }) => windows), alarms: sum(({ alarms }) => alarms[at]!) };
}

function half<T>(all: readonly T[], part: 0 | 1): readonly T[] {
  return all.filter((_, at) => at % 2 === part);
}

/** Fixed on the first half: the least strict one with less than half of the allowed false alarms. */
function choose(noise: readonly Noise[], count: number): number {
  return Array.from({ length: count }, (_, at) => at).findIndex((at) => {
    const { windows, alarms } = falseAlarms(half(noise, 0), at);
    return alarms <= (windows * mostFalseAlarms) / 2;
  });
}

test("planted changes are found within the stated hours, and noise is not taken for a change", () => {
  const histories = plantedChanges.flatMap((kind, number) =>
    Array.from({ length: historiesPerKind }, (_, seed) => plant(kind, 10_000 * (number + 1) + seed)),
  );
  const noise = Array.from({ length: noiseSeries }, (_, seed) => listen(900_000 + seed));
  const chosen = choose(noise, candidates.length);
  const { windows, alarms } = falseAlarms(half(noise, 1), chosen);
  const reported = half(histories, 1);
  const byKind = Object.fromEntries(
    plantedChanges.map((kind) => {
      const after = reported.filter((history) => history.kind === kind).map(({ foundAfter }) => foundAfter[chosen]!);
      const sorted = after.toSorted((one, other) => one - other);
      const inTime = after.filter((hours) => hours <= statedHours[kind]).length;
      return [
        kind.replace(" ", "_"),
        { histories: after.length, in_time: inTime, median_hours: sorted[sorted.length >> 1], longest_hours: sorted.at(-1) },
      ];
    }),
  );
  const all = Object.values(byKind);
  const figures = {
    threshold: candidates[chosen],
    fixed_on: {
      histories: histories.length / 2,
      noise_windows: falseAlarms(half(noise, 0), chosen).windows,
      false_alarms: falseAlarms(half(noise, 0), chosen).alarms,
    },
    reported: {
      histories: reported.length,
      found: all.reduce((sum, { in_time: count }) => sum + count, 0),
      longest_hours: Math.max(...all.map(({ longest_hours: hours }) => hours!)),
      noise_windows: windows,
      false_alarms: alarms,
      kinds: byKind,
    },
    both_halves_in_time: histories.filter(({ kind, foundAfter }) => foundAfter[chosen]! <= statedHours[kind]).length,
  };
  writeFigures("degradation", figures);
  assert.equal(candidates[chosen], largestP);
  assert.equal(figures.reported.found, reported.length);
  assert.ok(alarms < windows * mostFalseAlarms, `${alarms} of ${windows}`);
});

test("changes of the answers to canaries are found within the stated hours, and noise is not taken for a change", () => {
  const histories = plantCanaryChanges();
  const noise = listenToCanaryNoise();
  const chosen = choose(noise, canaryCandidates.length);
  const fixed = falseAlarms(half(noise, 0), chosen);
  const { windows, alarms } = falseAlarms(half(noise, 1), chosen);
  const reported = half(histories, 1);
  const kinds = plantedCanaryChanges.map((kind) => {
    const after = reported.filter((history) => history.kind === kind).map(({ foundAfter }) => foundAfter[chosen]!);
    const sorted = after.toSorted((one, other) => one - other);
    const inTime = after.filter((hours) => hours <= statedCanaryHours[kind]).length;
    return { kind, histories: after.length, in_time: inTime, median_hours: sorted[sorted.length >> 1]!, longest_hours: sorted.at(-1)! };
  });
  const canaries = {
    threshold: canaryCandidates[chosen],
    fixed_on: { histories: histories.length / 2, noise_windows: fixed.windows, false_alarms: fixed.alarms },
    reported: {
      histories: reported.length,
      found: kinds.reduce((sum, { in_time: count }) => sum + count, 0),
      longest_hours: Math.max(...kinds.map(({ longest_hours: hours }) => hours)),
      noise_windows: windows,
      false_alarms: alarms,
      kinds: Object.fromEntries(kinds.map(({ kind, ...rest }) => [kind, rest])),
    },
    both_halves_in_time: histories.filter(({ kind, foundAfter }) => foundAfter[chosen]! <= statedCanaryHours[kind]).length,
  };
  writeFigures("degradation", { canaries });
  assert.equal(canaryCandidates[chosen], largestCanaryP);
  assert.equal(canaries.reported.found, reported.length);
  assert.ok(alarms < windows * mostFalseAlarms, `${alarms} of ${windows}`);
});
