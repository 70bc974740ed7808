import { gaugeHelp, ownRegistry } from "../../src/server/observe/metrics-text.ts";
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
  const gauges = Object.fromEntries(Object.keys(gaugeHelp).map((name) => [name, 0]));
  const registry = await ownRegistry(new RequestMetrics().snapshot(gauges));
  const rows = readMetrics(await registry.metrics()).map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |`);
  return `# Metrics

\`GET /metrics\` shows them in Prometheus' text format: without a key on this machine, else with an admin's. The figures are the sum over all workers.

Labels: \`dialect\` (what the client speaks), \`provider\`, \`model\` (a name from the configuration or a provider's list, else \`other\`), \`status\` (how the request ended).

| metric | type | what it counts |
|---|---|---|
${rows.join("\n")}

Beside these, the usual metrics of a Node.js process: \`process_cpu_…\`, \`process_resident_memory_bytes\`, \`process_open_fds\`, \`nodejs_eventloop_lag_…\`, \`nodejs_heap_…\`,
\`nodejs_gc_duration_seconds\`. They are the primary process's.

This page is made by \`npm run docs\` from \`src/server/observe/\`.
`;
}
