import type { ForeignLoad } from "./proc.ts";
import type { Workload, WorkloadName } from "./workloads.ts";
import { NGINX_W2_US } from "./workloads.ts";

/** One window that counts: a target under one load for some seconds. CPU in µs of user and system time per request. */
export interface Window {
  readonly round: number;
  readonly target: string;
  /** What was asked for: the workload measured, or its yardstick. */
  readonly load: WorkloadName;
  readonly requests: number;
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly rssKb: number;
  readonly foreign: ForeignLoad;
}

/** Medians over a target's windows on one workload. */
export interface Figure {
  readonly workload: WorkloadName;
  readonly target: string;
  readonly load: WorkloadName;
  readonly rounds: number;
  readonly cpuUs: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly rssMb: number;
  /** Median of the ratios to nginx in the same round; undefined without nginx in any round. */
  readonly ratio: number | undefined;
  /** What the limits speak of: the ratio, or the µs beside an nginx that takes 21 µs for W2. */
  readonly score: number | undefined;
}

/** The middle value, or the mean of the two middle ones. Throws on an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error("median of no values");
  return (lower + upper) / 2;
}

/** `values` over `base` of the same round; rounds that miss either are left out. */
export function roundRatios(values: readonly Window[], base: readonly Window[]): number[] {
  return values.flatMap((window) => {
    const other = base.find((candidate) => candidate.round === window.round);
    return other === undefined ? [] : [window.cpuUs / other.cpuUs];
  });
}

/** One figure for each target that has a window, in the order of their first windows. nginx is the target named so. */
export function summarise(workload: Workload, windows: readonly Window[]): Figure[] {
  const nginx = windows.filter((window) => window.target === "nginx");
  const byTarget = Map.groupBy(windows, (window) => window.target);
  return [...byTarget].map(([target, own]) => {
    // direct's CPU is the upstream's, on the other core: it is no multiple of anything
    const ratios = target === "direct" ? [] : roundRatios(own, nginx);
    const ratio = ratios.length === 0 ? undefined : median(ratios);
    // An answer from another load than the workload is a yardstick, and has no limit to meet.
    const scored = ratio !== undefined && own.every((window) => window.load === workload.name);
    return {
      workload: workload.name,
      target,
      load: own[0]?.load ?? workload.name,
      rounds: own.length,
      cpuUs: median(own.map((window) => window.cpuUs)),
      requestsPerSecond: median(own.map((window) => window.requestsPerSecond)),
      p50Us: median(own.map((window) => window.p50Us)),
      p99Us: median(own.map((window) => window.p99Us)),
      rssMb: median(own.map((window) => window.rssKb)) / 1024,
      ratio,
      score: scored ? ratio * (workload.limits.unit === "us" ? NGINX_W2_US : 1) : undefined,
    };
  });
}

/** Which of the limits a score meets. */
export function verdict(workload: Workload, score: number | undefined): string {
  if (score === undefined) return "";
  if (score <= workload.limits.goal) return "goal";
  return score <= workload.limits.firstGate ? "gate" : "MISSED";
}
