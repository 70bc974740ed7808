import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { collectDefaultMetrics, Registry } from "prom-client";
import { parse } from "yaml";
import { metricLabels, ownRegistry } from "../../src/server/observe/metrics-text.ts";
import { RequestMetrics } from "../../src/server/observe/metrics.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
}

const { groups } = parse(readFileSync("deploy/prometheus/alerts.yaml", "utf8")) as { groups: readonly { rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync("deploy/grafana/dashboard.json", "utf8")) as Dashboard;

/** Metrics by name, each with the labels that it can have. */
async function readKnown(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>([["up", new Set(["job", "instance"])]]);
  for (const { name, type } of await (await ownRegistry(new RequestMetrics().snapshot({}))).getMetricsAsJSON()) {
    const labels = new Set([...metricLabels(name), "instance", "job"]);
    if (String(type) === "histogram") known.set(`${name}_bucket`, new Set([...labels, "le"]));
    else known.set(name, labels);
  }
  const process = new Registry();
  collectDefaultMetrics({ register: process });
  for (const { name } of await process.getMetricsAsJSON()) known.set(name, new Set(["instance", "job"]));
  return known;
}

const functions = new Set(["sum", "max", "min", "rate", "increase", "topk", "histogram_quantile", "label_values", "and", "or", "by"]);

/** What an expression uses that does not exist. */
function findUnknown(expr: string, known: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const texts = expr.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, "");
  const labels = [
    ...[...texts.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = ""]) =>
      [...inside.matchAll(/(\w+)\s*[=!]/g)].map(([, label = ""]) => label),
    ),
    ...[...texts.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, inside = ""]) => inside.split(",").map((label) => label.trim())),
  ];
  const names = [
    ...texts
      .replaceAll(/\{[^}]*\}/g, "")
      .replaceAll(/\bby\s*\([^)]*\)/g, "")
      .matchAll(/[a-z_]\w*/gi),
  ]
    .map(([name]) => name)
    .filter((name) => !functions.has(name));
  const metrics = names.filter((name) => known.has(name));
  const strangers = names.filter((name) => !known.has(name));
  return [...strangers, ...labels.filter((label) => !metrics.every((name) => known.get(name)!.has(label)))];
}

test("alert rules use only metrics and labels that exist", async () => {
  const known = await readKnown();
  assert.ok(rules.length >= 10);
  for (const { alert, expr } of rules) assert.deepEqual(findUnknown(expr, known), [], alert);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  // Labels in texts are those that the expression leaves.
  for (const { alert, expr, annotations } of rules) {
    for (const [, label = ""] of JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g))
      assert.ok(
        expr.includes(label) || [...known].some(([name, labels]) => expr.startsWith(name) && labels.has(label)),
        `${alert}: ${label}`,
      );
  }
});

test("the dashboard uses only metrics and labels that exist, and shows every metric of requests", async () => {
  const known = await readKnown();
  const shown = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));
  for (const { title, expr, legendFormat } of shown) {
    assert.deepEqual(findUnknown(expr, known), [], title);
    for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) assert.match(expr, new RegExp(`\\b${label}\\b`), title);
  }
  const variables = dashboard.templating.list
    .map(({ query }) => (typeof query === "string" ? "" : query.query))
    .filter((query) => query !== "");
  for (const query of variables) {
    const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    assert.ok(known.get(metric)?.has(label), query);
  }
  const all = shown.map(({ expr }) => expr).join("\n");
  const missing = [...known.keys()].filter((name) => name.startsWith("tokligence_") && !all.includes(name));
  // Each has its place in the documentation, and is not worth a panel.
  assert.deepEqual(missing, [
    "tokligence_ledger_open_attempts",
    "tokligence_ledger_healthy",
    "tokligence_workers",
    "tokligence_response_cache_hits_total",
    "tokligence_response_cache_bytes",
    "tokligence_firewall_observed_requests_total",
    "tokligence_firewall_masked_requests_total",
    "tokligence_firewall_blocked_requests_total",
    "tokligence_firewall_found_total",
    "tokligence_firewall_unjudged_total",
    "tokligence_duplicate_tool_calls_noted_total",
    "tokligence_duplicate_tool_calls_refused_total",
    "tokligence_budget_warned_requests_total",
    "tokligence_budget_refused_requests_total",
    "tokligence_bodies_dropped_total",
    "tokligence_traces_dropped_total",
  ]);
});

test("unknown metrics and labels are found", async () => {
  const known = await readKnown();
  const found = [
    "sum(tokligence_made_up_total)",
    'rate(tokligence_requests_total{sattus="ok"}[5m]) > 1',
    "sum by (modle) (tokligence_requests_total)",
    "tokligence_overhead_seconds",
  ].map((expr) => findUnknown(expr, known));
  assert.deepEqual(found, [["tokligence_made_up_total"], ["sattus"], ["modle"], ["tokligence_overhead_seconds"]]);
});
