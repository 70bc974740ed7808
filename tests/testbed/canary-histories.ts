import { SyntheticCanaries, plantedCanaryChanges, type PlantedCanaryChange } from "../../src/ledger/performance/canary-testing.ts";
import { canaryBaselineMs, findCanaryChanges } from "../../src/ledger/performance/find-canary-changes.ts";
import type { CanaryAnswer } from "../../src/ledger/performance/canary-store.ts";

/** As `docs/degradation.md` states them. */
export const statedCanaryHours: Readonly<Record<PlantedCanaryChange, number>> = { swapped: 72, sharper: 36, weaker: 120 };
const historiesPerKind = 40;
const noiseSeries = 120;
const noiseHours = 336;
const stepHours = 6;
export const canaryCandidates = [0.05, 0.02, 0.01, 0.005, 0.002] as const;

const hourMs = 3_600_000;
const startMs = 2000 * 24 * hourMs;
const keptMs = canaryBaselineMs + 168 * hourMs;

/** The first hour in which each of the candidates finds the change. */
export interface CanaryHistory {
  readonly kind: PlantedCanaryChange;
  readonly foundAfter: readonly number[];
}

export interface CanaryNoise {
  readonly windows: number;
  readonly alarms: readonly number[];
}

/** The least chance that what the last answers show is noise. */
function lookAt(answers: readonly CanaryAnswer[], endMs: number): number {
  const known = answers.filter(({ timeMs }) => timeMs >= endMs - keptMs);
  return Math.min(1, ...findCanaryChanges(known, { endMs, maxP: canaryCandidates[0] }).map(({ p }) => p));
}

function plant(kind: PlantedCanaryChange, seed: number): CanaryHistory {
  // Only a provider that gives probabilities shows that they have got sharper.
  const series = new SyntheticCanaries(seed, kind === "sharper" ? { hasProbabilities: true } : {});
  // The change begins at any hour of the day.
  const sinceMs = startMs + keptMs + (seed % 24) * hourMs;
  const answers = series.next(startMs, sinceMs);
  const foundAfter: number[] = canaryCandidates.map(() => Infinity);
  for (let hour = stepHours; hour <= 168 && foundAfter.includes(Infinity); hour += stepHours) {
    const endMs = sinceMs + hour * hourMs;
    answers.push(...series.next(endMs - stepHours * hourMs, endMs, kind));
    const p = lookAt(answers, endMs);
    for (const [at, candidate] of canaryCandidates.entries()) if (p < candidate) foundAfter[at] = Math.min(foundAfter[at]!, hour);
  }
  return { kind, foundAfter };
}

function listen(seed: number): CanaryNoise {
  const series = new SyntheticCanaries(seed);
  let endMs = startMs + keptMs;
  const answers = series.next(startMs, endMs);
  const alarms: number[] = canaryCandidates.map(() => 0);
  let windows = 0;
  for (let hour = 0; hour < noiseHours; hour += stepHours) {
    answers.push(...series.next(endMs, endMs + stepHours * hourMs));
    endMs += stepHours * hourMs;
    windows += 1;
    const p = lookAt(answers, endMs);
    for (const [at, candidate] of canaryCandidates.entries()) if (p < candidate) alarms[at]! += 1;
  }
  return { windows, alarms };
}

export function plantCanaryChanges(): readonly CanaryHistory[] {
  return plantedCanaryChanges.flatMap((kind, number) =>
    Array.from({ length: historiesPerKind }, (_, seed) => plant(kind, 20_000 * (number + 1) + seed)),
  );
}

export function listenToCanaryNoise(): readonly CanaryNoise[] {
  return Array.from({ length: noiseSeries }, (_, seed) => listen(1_900_000 + seed));
}
