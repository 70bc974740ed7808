import type { Registry } from "prom-client";
import { durationBounds, overheadBounds, type HistogramState, type MetricsSnapshot, type Series } from "./metrics.ts";

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
  const { Registry, collectDefaultMetrics } = await import("prom-client");
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

/** The gateway's own metrics of a snapshot, for prom-client to print. */
export async function ownRegistry(snapshot: MetricsSnapshot): Promise<Registry> {
  const { Registry } = await import("prom-client");
  const registry = new Registry();
  const add = (name: string, type: "counter" | "gauge" | "histogram", help: string, values: readonly Value[]): void => {
    // prom-client asks of a metric only that `get` yields this shape.
    const metric = { name, help, type, aggregator: "sum", get: () => Promise.resolve({ name, help, type, values, aggregator: "sum" }) };
    registry.registerMetric(metric as never);
  };
  const labelled = (series: Series): Record<string, string> => {
    const [dialect, provider, model, status] = series.labels;
    return { dialect, provider, model, status };
  };
  const each = (read: (series: Series) => number): Value[] =>
    snapshot.series.map((series) => ({ value: read(series), labels: labelled(series) }));
  add(
    "tokligence_requests_total",
    "counter",
    "Requests on model routes, by how they ended.",
    each((series) => series.requests),
  );
  add(
    "tokligence_unpriced_requests_total",
    "counter",
    "Requests with usage but no known price.",
    each((series) => series.unpriced),
  );
  add(
    "tokligence_cost_usd_total",
    "counter",
    "Cost in US dollars at catalogue prices.",
    each((series) => series.costUsd),
  );
  add(
    "tokligence_tokens_total",
    "counter",
    "Tokens, by kind; input includes cached, output includes reasoning.",
    (["input", "output", "cacheRead", "cacheWrite", "reasoning"] as const).flatMap((kind) =>
      snapshot.series.map((series) => ({
        value: series[kind],
        labels: { ...labelled(series), kind: kind.replace(/[A-Z]/, (c) => `_${c.toLowerCase()}`) },
      })),
    ),
  );
  const histogram = (name: string, help: string, field: "duration" | "ttft" | "overhead", bounds: readonly number[]): void => {
    const values = snapshot.series.flatMap((series) => histogramValues(name, series[field], bounds, labelled(series)));
    add(name, "histogram", help, values);
  };
  histogram("tokligence_request_duration_seconds", "From the request's head to the answer's end.", "duration", durationBounds);
  histogram("tokligence_time_to_first_token_seconds", "From the request's head to the first content sent on.", "ttft", durationBounds);
  histogram("tokligence_overhead_seconds", "Time spent in the gateway itself.", "overhead", overheadBounds);
  const refused = Object.entries(snapshot.refused).map(([code, value]) => ({ value, labels: { code } }));
  add("tokligence_refused_total", "counter", "Requests refused before a model route served them, by error code.", refused);
  add("tokligence_attempts_total", "counter", "Attempts at providers, by how they ended: ok, or why they failed.", attemptValues(snapshot));
  const losses = "Parameters left out, as the upstream's protocol has no place for them.";
  add("tokligence_translation_losses_total", "counter", losses, lossValues(snapshot));
  for (const [name, value] of Object.entries(snapshot.gauges))
    add(`tokligence_${name}`, name.endsWith("_total") ? "counter" : "gauge", gaugeHelp[name] ?? name, [{ value, labels: {} }]);
  return registry;
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

/** What the gauges of a snapshot count, by their names without prefix. */
export const gaugeHelp: Readonly<Record<string, string>> = {
  active_streams: "Streams under way.",
  open_connections: "Connections that clients have open. gateway.limits.connections limits them for each process.",
  body_bytes_in_flight:
    "Bytes of the bodies of all requests that are served. gateway.limits.bodies_in_flight limits them for each process.",
  in_flight: "Model requests that are served. limits.max_in_flight limits them for each process.",
  in_flight_waiting: "Model requests that wait for a moment, as limits.max_in_flight are served.",
  ledger_queued_records: "Ledger records that are not in the database yet.",
  ledger_open_attempts: "Attempts under way.",
  ledger_healthy: "Processes whose ledger takes records.",
  workers: "Processes that serve requests.",
  duplicate_tool_calls_noted_total: "Requests with a note to the model that its agent repeats one tool call and gets one result.",
  duplicate_tool_calls_refused_total: "Requests refused for repeating one tool call.",
  budget_warned_requests_total: "Requests whose user or key has reached the warning of a budget.",
  budget_refused_requests_total: "Requests that a budget has refused.",
  bodies_dropped_total: "Requests whose bodies could not be kept.",
};

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
