import { metricLabels, ownRegistry } from "../../src/server/observe/metrics-text.ts";
import { RequestMetrics } from "../../src/server/observe/metrics.ts";

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** The metrics of a text in Prometheus' exposition format, by their `# HELP` and `# TYPE` lines. */
function readMetrics(text: string): Metric[] {
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(([, name = "", help = "", type = ""]) => ({ name, help, type }));
}

/** The text of `docs/metrics.md`, from what a gateway without requests shows. */
export async function renderMetricsPage(): Promise<string> {
  const registry = await ownRegistry(new RequestMetrics().snapshot({}));
  const rows = readMetrics(await registry.metrics()).map(({ name, type, help }) => {
    const labels = metricLabels(name).map((label) => `\`${label}\``);
    return `| \`${name}\` | ${type} | ${labels.join(" ")} | ${help} |`;
  });
  return `# Metrics

\`GET /metrics\` shows them in Prometheus' text format: without a key on this machine, else with an admin's. The figures are those of all workers together, and those of a
worker that has died stay in the counters. \`deploy/grafana/dashboard.json\` is a dashboard and \`deploy/prometheus/alerts.yaml\` are alert rules: [deployment.md](deployment.md#prometheus-and-grafana).

Labels: \`dialect\` (what the client speaks), \`provider\`, \`model\` (a name from the configuration or a provider's list, else \`other\`), \`status\` (how the request ended), \`key\` (the id of
a provider's key, as \`openai#1\`). Nothing that a client sends becomes a label.

| metric | type | labels | what it shows |
|---|---|---|---|
${rows.join("\n")}

\`telemetry.labels: [user, key]\` counts requests, tokens and cost by user and key (here \`key\` is the id of the gateway's own key) in the \`tokligence_caller_…\` metrics, and shows each budget. At most \`telemetry.max_label_values\` combinations
(100) get a name, all further ones are \`other\`. Without it these metrics have no values, and of budgets the fullest of users and the fullest of keys is shown.

Beside these, the usual metrics of a Node.js process: \`process_cpu_…\`, \`process_resident_memory_bytes\`, \`process_open_fds\`, \`nodejs_eventloop_lag_…\`, \`nodejs_heap_…\`,
\`nodejs_gc_duration_seconds\`. They are those of the process that answers: with several workers, one of them.

This page is made by \`npm run docs\` from \`src/server/observe/\`.
`;
}
