import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObservedRequest } from "../../gateway/index.ts";
import { createMetricsRenderer } from "./metrics-text.ts";
import { metricsRoute } from "../routes/metrics-route.ts";
import { CallerMetrics } from "./caller-metrics.ts";
import { watchedKey } from "./metric-table.ts";
import { addSnapshots, countersOf, RequestMetrics, type MetricsSnapshot } from "./metrics.ts";
import { startEdge, users } from "../testing.ts";

function observed(changes: Partial<ObservedRequest> = {}): ObservedRequest {
  return {
    requestId: "req_1",
    clientRequestId: undefined,
    principal: users.user,
    dialect: "openai-chat",
    operation: "generate",
    provider: "openai",
    modelAsked: "gpt-5",
    modelServed: "gpt-5-2026",
    modelKnown: true,
    status: "ok",
    httpStatus: 200,
    stream: false,
    attempts: 1,
    failures: undefined,
    durationMs: 1500,
    ttftMs: 300,
    overheadMs: 0.4,
    upstreamMs: 250,
    usage: { input: 100, output: 20, cacheRead: 30, cacheWrite5m: 4, cacheWrite1h: 1, reasoning: 5 },
    costNanoUsd: 1_500_000_000n,
    losses: [],
    errorCode: undefined,
    errorMessage: undefined,
    upstreamRequestId: undefined,
    upstreamMessage: undefined,
    ...changes,
  };
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly type: string;
  readonly samples: Sample[];
}

/**
 * Reads the text format 0.0.4 strictly; numbers are what Go's ParseFloat takes. Source: Prometheus documentation, "Exposition formats", read 2026-01.
 * @throws where a line is none of it, a series comes twice, or a sample stands outside its family.
 */
function parseExposition(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"));
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let family: Family | undefined;
  let familyName = "";
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type !== null) {
      familyName = type[1]!;
      assert.ok(!families.has(familyName), `${familyName} comes twice`);
      family = { type: type[2]!, samples: [] };
      families.set(familyName, family);
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|nan|[+-]Inf)$/i.exec(line);
    assert.ok(sample !== null, `no sample: ${line}`);
    const [, name = "", labelText = "", value = ""] = sample;
    assert.ok(
      family !== undefined && name.replace(/_(?:bucket|sum|count)$/, "") === familyName.replace(/_(?:bucket|sum|count)$/, ""),
      line,
    );
    const labels: Record<string, string> = {};
    let rest = labelText;
    while (rest !== "") {
      const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
      assert.ok(label !== null, `no label: ${rest}`);
      const [, key = "", text = ""] = label;
      assert.ok(!(key in labels), line);
      labels[key] = text.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
      rest = rest.slice(label[0].length);
    }
    const series = `${name}${JSON.stringify(
      Object.keys(labels)
        .sort()
        .map((key) => [key, labels[key]]),
    )}`;
    assert.ok(!seen.has(series), `${series} comes twice`);
    seen.add(series);
    family.samples.push({ name, labels, value: Number(value) });
  }
  return families;
}

const render = createMetricsRenderer();

async function exposition(snapshot: MetricsSnapshot): Promise<Map<string, Family>> {
  return parseExposition((await render(snapshot)).body);
}

function value(families: Map<string, Family>, family: string, labels: Readonly<Record<string, string>>, name = family): number | undefined {
  const found = families.get(family)?.samples.filter((sample) => {
    return sample.name === name && Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted);
  });
  assert.ok(found === undefined || found.length <= 1, `${name} ${JSON.stringify(labels)} is not one series`);
  return found?.[0]?.value;
}

test("requests, tokens and cost add up by dialect, provider, model and status", async () => {
  const metrics = new RequestMetrics();
  metrics.observe(observed());
  metrics.observe(observed());
  metrics.observe(observed({ status: "error", usage: {}, costNanoUsd: undefined, ttftMs: undefined }));
  metrics.observe(observed({ dialect: "gemini-generate", provider: "google", modelAsked: "gemini-3", costNanoUsd: 0n }));
  const families = await exposition(metrics.snapshot({ active_streams: 3, workers: 1 }));
  const ok = { dialect: "openai-chat", provider: "openai", model: "gpt-5", status: "ok" };
  assert.equal(value(families, "tokligence_requests_total", ok), 2);
  assert.equal(value(families, "tokligence_requests_total", { ...ok, status: "error" }), 1);
  assert.equal(value(families, "tokligence_requests_total", { dialect: "gemini-generate" }), 1);
  assert.equal(value(families, "tokligence_cost_usd_total", ok), 3);
  const tokens = (kind: string): number | undefined => value(families, "tokligence_tokens_total", { ...ok, kind });
  assert.deepEqual(["input", "output", "cache_read", "cache_write", "reasoning"].map(tokens), [200, 40, 60, 10, 10]);
  assert.equal(value(families, "tokligence_active_streams", {}), 3);
  assert.equal(value(families, "tokligence_workers", {}), 1);
});

test("a request with usage and no price is counted as such; one without usage, or free of charge, is not", async () => {
  const metrics = new RequestMetrics();
  metrics.observe(observed({ costNanoUsd: undefined }));
  metrics.observe(observed({ costNanoUsd: undefined, usage: { output: 0 } }));
  metrics.observe(observed({ costNanoUsd: undefined, usage: {} }));
  metrics.observe(observed({ costNanoUsd: 0n }));
  metrics.observe(observed({ costNanoUsd: undefined, attempts: 0 }));
  assert.equal(value(await exposition(metrics.snapshot({})), "tokligence_unpriced_requests_total", {}), 2);
});

test("histograms are cumulative, end in +Inf, and agree with sum and count", async () => {
  const metrics = new RequestMetrics();
  for (const durationMs of [1, 5, 7, 250, 100_000, 400_000]) metrics.observe(observed({ durationMs, ttftMs: undefined }));
  const families = await exposition(metrics.snapshot({}));
  const name = "tokligence_request_duration_seconds";
  const buckets = families.get(name)!.samples.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map((sample) => (sample.labels["le"] === "+Inf" ? Infinity : Number(sample.labels["le"])));
  assert.deepEqual(
    bounds,
    [...bounds].sort((a, b) => a - b),
  );
  const counts = buckets.map((sample) => sample.value);
  assert.deepEqual(
    counts,
    [...counts].sort((a, b) => a - b),
  );
  const upTo = (le: string): number | undefined => value(families, name, { le }, `${name}_bucket`);
  // A value on a bound belongs to it.
  assert.deepEqual(["0.005", "0.01", "0.25", "60", "120", "300", "+Inf"].map(upTo), [2, 3, 4, 4, 5, 5, 6]);
  assert.equal(value(families, name, {}, `${name}_count`), 6);
  assert.equal(value(families, name, {}, `${name}_sum`)!.toFixed(3), "500.263");
  assert.equal(value(families, "tokligence_time_to_first_token_seconds", {}, "tokligence_time_to_first_token_seconds_count"), 0);
});

test("names of providers and models may be anything, and stay apart", async () => {
  const metrics = new RequestMetrics();
  const names = ['quo"te', "back\\slash", "line\nbreak", "a|b", "{}", "名前", "__proto__"];
  for (const modelAsked of names) metrics.observe(observed({ modelAsked }));
  metrics.observe(observed({ provider: "x|y", modelAsked: "z" }));
  metrics.observe(observed({ provider: "x", modelAsked: "y|z" }));
  const families = await exposition(metrics.snapshot({}));
  for (const model of names) assert.equal(value(families, "tokligence_requests_total", { model }), 1, model);
  assert.equal(value(families, "tokligence_requests_total", { provider: "x|y" }), 1);
});

test("a model that no configuration names is `other`, and so is any when there are too many", async () => {
  const metrics = new RequestMetrics(3);
  metrics.observe(observed({ modelAsked: "made-up", modelKnown: false }));
  for (const modelAsked of ["a", "b", "c", "d", "a"]) metrics.observe(observed({ modelAsked }));
  metrics.observe(observed({ modelAsked: "e", status: "error" }));
  const { series } = metrics.snapshot({});
  assert.deepEqual(
    series.map(({ labels, requests }) => [labels[2], labels[3], requests]),
    [
      ["other", "ok", 3],
      ["a", "ok", 2],
      ["b", "ok", 1],
      ["other", "error", 1],
    ],
  );
});

test("refusals are counted by their code", async () => {
  const metrics = new RequestMetrics();
  for (const code of ["invalid_api_key", "not_found", "invalid_api_key", "__proto__"]) metrics.refused(code);
  const families = await exposition(metrics.snapshot({}));
  assert.equal(value(families, "tokligence_refused_total", { code: "invalid_api_key" }), 2);
  assert.equal(value(families, "tokligence_refused_total", { code: "not_found" }), 1);
});

test("what translations leave out is counted by its name, from where and to where", async () => {
  const metrics = new RequestMetrics();
  const losses = [
    { param: "stop_sequences", label: "stop_sequences", to: "openai-responses" },
    { param: "my_own", label: "other", to: "openai-responses" },
  ] as const;
  metrics.observe(observed({ dialect: "anthropic-messages", losses }));
  metrics.observe(observed({ dialect: "anthropic-messages", losses: losses.slice(0, 1) }));
  const snapshot = metrics.snapshot({});
  const families = await exposition(addSnapshots([snapshot, snapshot]));
  const labels = { from: "anthropic-messages", to: "openai-responses" };
  assert.equal(value(families, "tokligence_translation_losses_total", { ...labels, param: "stop_sequences" }), 4);
  assert.equal(value(families, "tokligence_translation_losses_total", { ...labels, param: "other" }), 2);
});

test("attempts are counted by provider, and by why they failed", async () => {
  const metrics = new RequestMetrics();
  const failed = (reason: string, provider: string): { reason: string; provider: string; model: string } => ({
    reason,
    provider,
    model: "m",
  });
  metrics.observe(observed());
  metrics.observe(observed({ attempts: 3, failures: [failed("overloaded", "azure"), failed("overloaded", "azure")] }));
  metrics.observe(observed({ attempts: 1, status: "error", failures: [failed("throttled", "openai")] }));
  metrics.observe(observed({ attempts: 0, status: "refused", provider: "" }));
  const snapshot = metrics.snapshot({});
  const families = await exposition(addSnapshots([snapshot, snapshot]));
  const counts = [
    ["openai", "ok"],
    ["azure", "overloaded"],
    ["openai", "throttled"],
    ["azure", "ok"],
  ].map(([provider, reason]) => value(families, "tokligence_attempts_total", { provider: provider!, reason: reason! }));
  assert.deepEqual(counts, [4, 4, 2, undefined]);
});

test("the counters of several processes are added, also after a trip as JSON", async () => {
  const [one, two] = [new RequestMetrics(), new RequestMetrics()];
  one.observe(observed({ durationMs: 3 }));
  one.refused("not_found");
  two.observe(observed({ durationMs: 200_000 }));
  two.observe(observed({ modelAsked: "gpt-6" }));
  two.refused("not_found");
  two.refused("admin_required");
  const before = JSON.stringify(one.snapshot({}));
  const sent = JSON.parse(JSON.stringify(two.snapshot({ workers: 1, active_streams: 2 }))) as MetricsSnapshot;
  const sum = addSnapshots([one.snapshot({ workers: 1 }), sent]);
  const whole = new RequestMetrics();
  for (const durationMs of [3, 200_000]) whole.observe(observed({ durationMs }));
  whole.observe(observed({ modelAsked: "gpt-6" }));
  assert.deepEqual(sum, {
    series: whole.snapshot({}).series,
    refused: { not_found: 2, admin_required: 1 },
    losses: {},
    failures: {},
    gauges: { workers: 2, active_streams: 2 },
  });
  // The parts are left as they were.
  assert.equal(JSON.stringify(one.snapshot({})), before);
  assert.deepEqual(addSnapshots([]), { series: [], refused: {}, losses: {}, failures: {}, gauges: {} });
});

test("the route yields own and process metrics, again and again", async (t) => {
  const metrics = new RequestMetrics();
  metrics.observe(observed());
  const { origin } = await startEdge(t, [metricsRoute(() => Promise.resolve(metrics.snapshot({ ledger_healthy: 1 })))]);
  for (let scrape = 0; scrape < 2; scrape++) {
    const answer = await fetch(`${origin}/metrics`);
    assert.equal(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const families = parseExposition(await answer.text());
    assert.equal(value(families, "tokligence_requests_total", {}), 1);
    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "nodejs_eventloop_lag_p99_seconds",
      "nodejs_heap_size_used_bytes",
    ])
      assert.ok(families.get(name)!.samples.length > 0, name);
  }
});

test("scrapes do not gather watchers of the garbage collector", async () => {
  const { PerformanceObserver } = await import("node:perf_hooks");
  let observers = 0;
  const original = PerformanceObserver.prototype.observe;
  PerformanceObserver.prototype.observe = function (...args) {
    observers++;
    return original.apply(this, args);
  };
  try {
    const fresh = createMetricsRenderer();
    for (let i = 0; i < 5; i++) await fresh({ series: [], refused: {}, losses: {}, failures: {}, gauges: {} });
  } finally {
    PerformanceObserver.prototype.observe = original;
  }
  assert.equal(observers, 1);
});

test("upstream time and tokens a second have histograms; a stream that ends at once, or is no stream, has no rate", async () => {
  const metrics = new RequestMetrics();
  metrics.observe(observed({ stream: true, usage: { output: 60 }, ttftMs: 300, durationMs: 1500 }));
  metrics.observe(observed({ stream: true, usage: { output: 60 }, ttftMs: 300, durationMs: 305 }));
  metrics.observe(observed({ stream: true, usage: {}, ttftMs: 300, durationMs: 1500, upstreamMs: undefined }));
  metrics.observe(observed({ usage: { output: 60 } }));
  const families = await exposition(metrics.snapshot({}));
  const of = (name: string): (number | undefined)[] => ["count", "sum"].map((end) => value(families, name, {}, `${name}_${end}`));
  assert.deepEqual(of("tokligence_tokens_per_second"), [1, 50]);
  assert.deepEqual(of("tokligence_upstream_seconds"), [3, 0.75]);
});

test("values that are read have labels, and those of several processes are added or, for a state, the highest", async () => {
  const metrics = new RequestMetrics();
  metrics.watch(() => ({
    [watchedKey("shed_total", "memory")]: 2,
    [watchedKey("breaker_state", "p", "m", "p#1")]: 2,
    event_loop_delay_seconds: 0.2,
  }));
  const other = new RequestMetrics().snapshot({
    [watchedKey("shed_total", "memory")]: 3,
    [watchedKey("breaker_state", "p", "m", "p#1")]: 1,
    unknown: 7,
  });
  const families = await exposition(addSnapshots([metrics.snapshot({}), other]));
  assert.equal(value(families, "tokligence_shed_total", { reason: "memory" }), 5);
  assert.equal(value(families, "tokligence_breaker_state", { provider: "p", model: "m", key: "p#1" }), 2);
  assert.equal(value(families, "tokligence_event_loop_delay_seconds", {}), 0.2);
  assert.equal(families.get("tokligence_unknown"), undefined);
});

test("of a process that has ended the counters stay, and not what was read from it", () => {
  const metrics = new RequestMetrics();
  metrics.observe(observed());
  const snapshot = metrics.snapshot({
    workers: 1,
    bodies_dropped_total: 3,
    [watchedKey("shed_total", "memory")]: 2,
    [watchedKey("breaker_state", "p", "m", "k")]: 2,
  });
  assert.deepEqual(countersOf(snapshot), { ...snapshot, gauges: { bodies_dropped_total: 3, [watchedKey("shed_total", "memory")]: 2 } });
});

test("users and keys are counted only where an operator asks for it, and beyond the limit as `other`", async () => {
  const labels = { user: false, key: false, mostValues: 2 };
  const callers = new CallerMetrics(() => labels);
  const metrics = new RequestMetrics();
  metrics.watch(() => callers.read());
  callers.observe(observed());
  assert.deepEqual(callers.read(), {});
  labels.user = true;
  for (const principal of [users.user, users.other, users.admin, users.admin, users.user]) callers.observe(observed({ principal }));
  const families = await exposition(metrics.snapshot({}));
  const counts = ["alice", "bob", "root", "other"].map((user) => value(families, "tokligence_caller_requests_total", { user, key: "" }));
  assert.deepEqual(counts, [2, 1, undefined, 2]);
  assert.equal(value(families, "tokligence_caller_tokens_total", { user: "alice", key: "" }), 240);
  assert.equal(value(families, "tokligence_caller_cost_usd_total", { user: "alice", key: "" }), 3);
});
