import type { Figure } from "./figures.ts";
import { verdict } from "./figures.ts";
import type { Workload } from "./workloads.ts";
import { WORKLOADS } from "./workloads.ts";

const HEAD = [
  "workload",
  "target",
  "load",
  "n",
  "CPU µs/req",
  "× nginx",
  "score",
  "first gate",
  "goal",
  "meets",
  "req/s",
  "p50 ms",
  "p99 ms",
  "RSS MB",
];
const TEXT_COLUMNS = 3;
/** Targets for comparison only: they have no limit. */
const MEASURES = new Set(["nginx", "direct"]);

function digits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

function limit(workload: Workload, value: number): string {
  return workload.limits.unit === "us" ? `${value} µs` : `${value} ×`;
}

function cells(figure: Figure): string[] {
  const workload = WORKLOADS[figure.workload];
  const contests = !MEASURES.has(figure.target);
  return [
    figure.workload,
    figure.target,
    figure.load === figure.workload ? "" : `(${figure.load})`,
    String(figure.rounds),
    digits(figure.cpuUs),
    figure.ratio === undefined ? "" : digits(figure.ratio),
    figure.score === undefined || !contests ? "" : limit(workload, Number(digits(figure.score))),
    contests ? limit(workload, workload.limits.firstGate) : "",
    contests ? limit(workload, workload.limits.goal) : "",
    contests ? verdict(workload, figure.score) : "",
    figure.requestsPerSecond.toFixed(0),
    digits(figure.p50Us / 1000),
    digits(figure.p99Us / 1000),
    digits(figure.rssMb),
  ];
}

/**
 * The figures as a Markdown table with aligned columns. `score` is what the two limits speak of: × nginx, or µs scaled to a
 * machine where nginx takes 21 µs for W2.
 */
export function renderTable(figures: readonly Figure[]): string {
  const rows = figures.map(cells);
  const widths = HEAD.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i < TEXT_COLUMNS ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, i) => `${"-".repeat(width + 1)}${i < TEXT_COLUMNS ? "-" : ":"}`).join("|")}|`;
  return [line(HEAD), rule, ...rows.map(line)].join("\n");
}
