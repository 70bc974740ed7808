import type { Window } from "./figures.ts";
import { roundRatios } from "./figures.ts";
import type { WorkloadName } from "./workloads.ts";

/** With fewer rounds the quartiles say little, and the rule has no word. */
export const LEAST_ROUNDS = 10;

/** What the working tree costs beside a commit on one workload. */
export interface Comparison {
  readonly workload: WorkloadName;
  /** Rounds in which both have a window that counts. */
  readonly rounds: number;
  /** Quartiles of the ratios, this ÷ against, of CPU per request in the same round. */
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
  readonly word: "no dearer" | "at most 5 %" | "dearer" | "too few rounds";
}

/** The value at a share of the sorted values, between two of them in proportion. Throws on an empty list. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new Error("quantile of no values");
  return below + (above - below) * (place - Math.floor(place));
}

/** `undefined` if no round has a window of both. */
export function compareWindows(workload: WorkloadName, windows: readonly Window[]): Comparison | undefined {
  const of = (target: string): Window[] => windows.filter((window) => window.target === target);
  const ratios = roundRatios(of("gateway"), of("against"));
  if (ratios.length === 0) return undefined;
  const [lower, median, upper] = [quantile(ratios, 0.25), quantile(ratios, 0.5), quantile(ratios, 0.75)];
  return { workload, rounds: ratios.length, lower, median, upper, word: wordOf(lower, ratios.length) };
}

function wordOf(lower: number, rounds: number): Comparison["word"] {
  if (rounds < LEAST_ROUNDS) return "too few rounds";
  if (lower <= 1) return "no dearer";
  return lower <= 1.05 ? "at most 5 %" : "dearer";
}

/** One line for each workload. */
export function renderComparisons(commit: string, comparisons: readonly Comparison[]): string {
  const lines = comparisons.map(({ workload, rounds, lower, median, upper, word }) => {
    const [low, middle, high] = [lower, median, upper].map((ratio) => ratio.toFixed(3));
    return `${workload.padEnd(3)}  ${middle}  (quartiles ${low} to ${high}, ${rounds} rounds)  ${word}`;
  });
  return [`CPU per request, this ÷ ${commit}, median of the ratios of each round:`, ...lines].join("\n");
}
