import type { Registry } from "prom-client";
import { isCounter, readWatchedKey, watchedMetrics } from "./metric-table.ts";
import {
  durationBounds,
  overheadBounds,
  rateBounds,
  type HistogramName,
  type HistogramState,
  type MetricsSnapshot,
  type Series,
} from "./metrics.ts";

type Value = { readonly value: number; readonly labels: Record<string, string | number>; readonly metricName?: string };

export type MetricsRenderer = (snapshot: MetricsSnapshot) => Promise<{ readonly contentType: string; readonly body: string }>;

/**
 * Makes the Prometheus text of snapshots, with the process metrics of prom-client (text format 0.0.4). Source of the format: Prometheus documentation,
 * "Exposition formats". The client library is loaded, and begins to watch event loop and garbage collector, with the first text; it has no way to end
 * that, so there is one renderer for a process.
 */
export function createMetricsRenderer(): MetricsRenderer {
  let processMetrics: Promise<Registry> | undefined;
  return async (snapshot) => {
    const registry = await (processMetrics ??= startProcessMetrics());
    const own = await ownRegistry(snapshot);
    const body = `${await own.metrics()}\n${await registry.metrics()}`;
    return { contentType: own.contentType, body };
  };
}

async function startProcessMetrics(): Promise<Registry> {
  const { Registry, collectDefaultMetrics } = (await import("prom-client")).default;
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

/** Takes a metric's values as they are. */
type AddMetric = (name: string, type: "counter" | "gauge" | "histogram", help: string, values: readonly Value[]) => void;

/** The gateway's own metrics of a snapshot, for prom-client to print. */
export async function ownRegistry(snapshot: MetricsSnapshot): Promise<Registry> {
  const { Registry } = (await import("prom-client")).default;
  const registry = new Registry();
  // prom-client asks of a metric only that `get` yields this shape.
  const add: AddMetric = (name, type, help, values) => {
    const metric = { name, help, type, aggregator: "sum", get: () => Promise.resolve({ name, help, type, values, aggregator: "sum" }) };
    registry.registerMetric(metric as never);
  };
  addRequests(snapshot, add);
  addHistograms(snapshot, add);
  const refused = Object.entries(snapshot.refused).map(([code, value]) => ({ value, labels: { code } }));
  add("tokligence_refused_total", "counter", "Requests refused before a model route served them, by error code.", refused);
  add("tokligence_attempts_total", "counter", "Attempts at providers, by how they ended: ok, or why they failed.", attemptValues(snapshot));
  const losses = "Parameters left out, as the upstream's protocol has no place for them.";
  add("tokligence_translation_losses_total", "counter", losses, lossValues(snapshot));
  const watched = watchedValues(snapshot);
  for (const [name, { help }] of Object.entries(watchedMetrics))
    add(`tokligence_${name}`, isCounter(name) ? "counter" : "gauge", help, watched.get(name) ?? []);
  return registry;
}

function labelled(series: Series): Record<string, string> {
  const [dialect, provider, model, status] = series.labels;
  return { dialect, provider, model, status };
}

function addRequests({ series: all }: MetricsSnapshot, add: AddMetric): void {
  const each = (read: (series: Series) => number): Value[] => all.map((series) => ({ value: read(series), labels: labelled(series) }));
  const requests = each((series) => series.requests);
  add("tokligence_requests_total", "counter", "Requests on model routes, by how they ended.", requests);
  const unpriced = each((series) => series.unpriced);
  add("tokligence_unpriced_requests_total", "counter", "Requests with usage but no known price.", unpriced);
  const cost = each((series) => series.costUsd);
  add("tokligence_cost_usd_total", "counter", "Cost in US dollars at catalogue prices.", cost);
  const tokens = (["input", "output", "cacheRead", "cacheWrite", "reasoning"] as const).flatMap((kind) =>
    all.map((series) => ({
      value: series[kind],
      labels: { ...labelled(series), kind: kind.replace(/[A-Z]/, (c) => `_${c.toLowerCase()}`) },
    })),
  );
  add("tokligence_tokens_total", "counter", "Tokens, by kind; input includes cached, output includes reasoning.", tokens);
}

const histograms: readonly (readonly [name: string, help: string, field: HistogramName, bounds: readonly number[]])[] = [
  ["tokligence_request_duration_seconds", "From the request's head to the answer's end.", "duration", durationBounds],
  ["tokligence_time_to_first_token_seconds", "From the request's head to the first content sent on.", "ttft", durationBounds],
  ["tokligence_overhead_seconds", "Time spent in the gateway itself.", "overhead", overheadBounds],
  ["tokligence_upstream_seconds", "Time that the provider of the last attempt took until its answer began.", "upstream", durationBounds],
  ["tokligence_tokens_per_second", "Output tokens of streams, from the first content to the end.", "rate", rateBounds],
];

function addHistograms({ series: all }: MetricsSnapshot, add: AddMetric): void {
  for (const [name, help, field, bounds] of histograms) {
    const values = all.flatMap((series) => histogramValues(name, series[field], bounds, labelled(series)));
    add(name, "histogram", help, values);
  }
}

const ofRequests = ["dialect", "provider", "model", "status"] as const;
const otherLabels: Readonly<Record<string, readonly string[]>> = {
  tokligence_tokens_total: [...ofRequests, "kind"],
  tokligence_refused_total: ["code"],
  tokligence_attempts_total: ["provider", "reason"],
  tokligence_translation_losses_total: ["param", "from", "to"],
};

/** The labels of a metric of the gateway. */
export function metricLabels(name: string): readonly string[] {
  const watched = watchedMetrics[name.slice("tokligence_".length)];
  return watched === undefined ? (otherLabels[name] ?? ofRequests) : (watched.labels ?? []);
}

/** By the names of the metrics. */
function watchedValues({ gauges }: MetricsSnapshot): ReadonlyMap<string, Value[]> {
  const byName = new Map<string, Value[]>();
  for (const [key, value] of Object.entries(gauges)) {
    const { name, labels } = readWatchedKey(key);
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [{ value, labels }]);
    else values.push({ value, labels });
  }
  return byName;
}

function lossValues({ losses }: MetricsSnapshot): Value[] {
  return Object.entries(losses).map(([key, value]) => {
    const [param = "", from = "", to = ""] = key.split(" ");
    return { value, labels: { param, from, to } };
  });
}

function attemptValues({ series, failures }: MetricsSnapshot): Value[] {
  const served = new Map<string, number>();
  for (const { labels, served: count } of series) {
    const [, provider] = labels;
    if (count > 0) served.set(provider, (served.get(provider) ?? 0) + count);
  }
  const failed = Object.entries(failures).map(([key, value]) => {
    const [reason = "", provider = ""] = key.split(" ");
    return { value, labels: { provider, reason } };
  });
  return [...[...served].map(([provider, value]) => ({ value, labels: { provider, reason: "ok" } })), ...failed];
}

function histogramValues(name: string, histogram: HistogramState, bounds: readonly number[], labels: Record<string, string>): Value[] {
  const values: Value[] = [];
  let cumulated = 0;
  bounds.forEach((bound, i) => {
    cumulated += histogram.counts[i]!;
    values.push({ value: cumulated, labels: { le: bound, ...labels }, metricName: `${name}_bucket` });
  });
  cumulated += histogram.counts[bounds.length]!;
  values.push({ value: cumulated, labels: { le: "+Inf", ...labels }, metricName: `${name}_bucket` });
  values.push({ value: histogram.sum, labels, metricName: `${name}_sum` }, { value: cumulated, labels, metricName: `${name}_count` });
  return values;
}
