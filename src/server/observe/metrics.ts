import type { ObservedRequest } from "../../gateway/index.ts";
import { mergeStates } from "../../upstream/index.ts";
import type { ProviderFacts } from "./provider-facts.ts";
import { isCounter, mergeWatched } from "./metric-table.ts";

/** Upper bounds, in seconds. */
export const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
export const overheadBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1];

/** Output tokens a second. */
export const rateBounds = [1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000];
/** The end of a shorter stream came with its beginning: it has no rate. */
const shortestMs = 10;

export interface HistogramState {
  /** One count for each bound, not cumulated, and one for the rest. */
  readonly counts: number[];
  sum: number;
}

export interface Series {
  /** dialect, provider, model, status */
  readonly labels: readonly [string, string, string, string];
  requests: number;
  /** Requests whose last attempt did not fail before anything of it went to the client. */
  served: number;
  unpriced: number;
  costUsd: number;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
  reasoning: number;
  readonly duration: HistogramState;
  readonly ttft: HistogramState;
  readonly overhead: HistogramState;
  readonly upstream: HistogramState;
  readonly rate: HistogramState;
}

export type HistogramName = "duration" | "ttft" | "overhead" | "upstream" | "rate";

const histogramNames = ["duration", "ttft", "overhead", "upstream", "rate"] as const satisfies readonly HistogramName[];

/** The counters of one process, as plain data: sent to the primary, and added up there. */
export interface MetricsSnapshot {
  readonly series: readonly Series[];
  readonly refused: Readonly<Record<string, number>>;
  /** Fields that translations have dropped, by param, the client's dialect and the upstream's protocol: `stop_sequences anthropic-messages openai-responses`. */
  readonly losses: Readonly<Record<string, number>>;
  /** Failed attempts, by reason and provider: `overloaded openai`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Values that are read from the parts of the gateway, by `watchedKey`. */
  readonly gauges: Readonly<Record<string, number>>;
  /** What the process knows of providers. */
  readonly health?: ProviderFacts;
}

/**
 * Counters of our own on the request path (a map and a few additions; the client library costs ten times as much), handed to prom-client when
 * scraped. Labels come from configuration: a model that no configuration names is `other`.
 */
export class RequestMetrics {
  readonly #series = new Map<string, Series>();
  /** The series of the last request: most requests are like the one before. */
  #last: Series | undefined;
  readonly #maxSeries: number;
  readonly #refused = new Map<string, number>();
  readonly #losses = new Map<string, number>();
  /** Of few reasons, and of providers of the configuration. */
  readonly #failures = new Map<string, number>();
  readonly #watched: (() => Readonly<Record<string, number>>)[] = [];

  /** @param maxSeries the most combinations of labels; then further models are `other`: aliases and globs can make many names. */
  constructor(maxSeries = 2000) {
    this.#maxSeries = maxSeries;
  }

  observe(request: ObservedRequest): void {
    const series = this.#seriesOf(request, request.modelKnown ? request.modelAsked : "other");
    const { usage } = request;
    series.requests += 1;
    if (request.attempts > (request.failures?.length ?? 0)) series.served += 1;
    if (request.costNanoUsd !== undefined) series.costUsd += Number(request.costNanoUsd) / 1e9;
    else if (request.attempts > 0 && (usage.input ?? usage.output) !== undefined) series.unpriced += 1;
    series.input += usage.input ?? 0;
    series.output += usage.output ?? 0;
    series.cacheRead += usage.cacheRead ?? 0;
    series.cacheWrite += (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0);
    series.reasoning += usage.reasoning ?? 0;
    record(series.duration, durationBounds, request.durationMs / 1000);
    if (request.ttftMs !== undefined) record(series.ttft, durationBounds, request.ttftMs / 1000);
    record(series.overhead, overheadBounds, request.overheadMs / 1000);
    if (request.upstreamMs !== undefined) record(series.upstream, durationBounds, request.upstreamMs / 1000);
    if (request.stream && request.ttftMs !== undefined) recordRate(series, usage.output, request.durationMs - request.ttftMs);
    for (const { reason, provider } of request.failures ?? []) {
      const key = `${reason} ${provider}`;
      this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
    }
    for (const { label, to } of request.losses) {
      const key = `${label} ${request.dialect} ${to}`;
      this.#losses.set(key, (this.#losses.get(key) ?? 0) + 1);
    }
  }

  #seriesOf(request: ObservedRequest, model: string): Series {
    const last = this.#last;
    if (last !== undefined && isOf(last, request, model)) return last;
    this.#last = this.#findSeries(request, model);
    return this.#last;
  }

  #findSeries(request: ObservedRequest, model: string): Series {
    const key = `${request.dialect}\n${request.provider}\n${model}\n${request.status}`;
    let series = this.#series.get(key);
    if (series !== undefined) return series;
    if (this.#series.size >= this.#maxSeries && model !== "other") return this.#findSeries(request, "other");
    series = newSeries([request.dialect, request.provider, model, request.status]);
    this.#series.set(key, series);
    return series;
  }

  refused(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  /** Reads the gauges of a part that is built later than these counters, with each snapshot. */
  watch(read: () => Readonly<Record<string, number>>): void {
    this.#watched.push(read);
  }

  snapshot(own: Readonly<Record<string, number>>): MetricsSnapshot {
    const gauges = Object.assign({}, own, ...this.#watched.map((read) => read())) as Readonly<Record<string, number>>;
    const [refused, losses, failures] = [this.#refused, this.#losses, this.#failures].map((counts) => Object.fromEntries(counts));
    return { series: [...this.#series.values()], refused: refused!, losses: losses!, failures: failures!, gauges };
  }
}

function isOf({ labels }: Series, request: ObservedRequest, model: string): boolean {
  return labels[0] === request.dialect && labels[1] === request.provider && labels[2] === model && labels[3] === request.status;
}

function newSeries(labels: Series["labels"]): Series {
  return {
    labels,
    requests: 0,
    served: 0,
    unpriced: 0,
    costUsd: 0,
    input: 0,
    output: 0,
    cacheRead: 0,
    cacheWrite: 0,
    reasoning: 0,
    duration: newHistogram(durationBounds.length),
    ttft: newHistogram(durationBounds.length),
    overhead: newHistogram(overheadBounds.length),
    upstream: newHistogram(durationBounds.length),
    rate: newHistogram(rateBounds.length),
  };
}

function newHistogram(bounds: number): HistogramState {
  return { counts: Array.from({ length: bounds + 1 }, () => 0), sum: 0 };
}

function recordRate(series: Series, output: number | undefined, ms: number): void {
  if (output !== undefined && output > 0 && ms >= shortestMs) record(series.rate, rateBounds, (output * 1000) / ms);
}

function record(histogram: HistogramState, bounds: readonly number[], value: number): void {
  let i = 0;
  while (i < bounds.length && value > bounds[i]!) i++;
  histogram.counts[i]! += 1;
  histogram.sum += value;
}

export const emptySnapshot: MetricsSnapshot = { series: [], refused: {}, losses: {}, failures: {}, gauges: {} };

/** What stays in the sum when a process has ended: its counters, without what was read from it. */
export function countersOf(snapshot: MetricsSnapshot): MetricsSnapshot {
  const counters = Object.entries(snapshot.gauges).filter(([key]) => isCounter(key.split("\n", 1)[0]!));
  const { health: _, ...rest } = snapshot;
  return { ...rest, gauges: Object.fromEntries(counters) };
}

/** The sum of several processes' counters. */
export function addSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const series = new Map<string, Series>();
  const refused: Record<string, number> = {};
  const losses: Record<string, number> = {};
  const failures: Record<string, number> = {};
  const gauges: Record<string, number> = {};
  for (const snapshot of snapshots) {
    for (const part of snapshot.series) {
      const key = part.labels.join("\n");
      let sum = series.get(key);
      if (sum === undefined) series.set(key, (sum = newSeries(part.labels)));
      for (const field of ["requests", "served", "unpriced", "costUsd", "input", "output", "cacheRead", "cacheWrite", "reasoning"] as const)
        sum[field] += part[field];
      for (const field of histogramNames) {
        part[field].counts.forEach((count, i) => (sum[field].counts[i]! += count));
        sum[field].sum += part[field].sum;
      }
    }
    for (const [code, count] of Object.entries(snapshot.refused)) refused[code] = (refused[code] ?? 0) + count;
    for (const [key, count] of Object.entries(snapshot.losses)) losses[key] = (losses[key] ?? 0) + count;
    for (const [key, count] of Object.entries(snapshot.failures)) failures[key] = (failures[key] ?? 0) + count;
    for (const [key, value] of Object.entries(snapshot.gauges))
      gauges[key] = key in gauges ? mergeWatched(key, gauges[key]!, value) : value;
  }
  const health = snapshots.flatMap((snapshot) => snapshot.health ?? []);
  const sum = { series: [...series.values()], refused, losses, failures, gauges };
  return health.length === 0 ? sum : { ...sum, health: mergeFacts(health) };
}

function mergeFacts(all: readonly ProviderFacts[]): ProviderFacts {
  return {
    providers: mergeStates(all.map(({ providers }) => providers)),
    keys: mergeStates(all.map(({ keys }) => keys)),
    blocks: all.flatMap(({ blocks }) => blocks),
  };
}
