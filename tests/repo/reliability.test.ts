import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { renderReliabilityPage } from "../../scripts/docs/reliability-page.ts";
import { reliabilityRows } from "../../scripts/docs/reliability-rows.ts";
import { longRunNames } from "../../scripts/long-runs.ts";

const rows = Object.values(reliabilityRows).flat();

test("every promise of docs/reliability.md has a test that exists, and every long run has a promise", () => {
  const runs = longRunNames();
  const missing = rows.filter(({ test }) =>
    "long" in test ? !runs.includes(test.long) : !existsSync(fileURLToPath(new URL(`../../${test.file}`, import.meta.url))),
  );
  assert.deepEqual(missing, []);
  const promised = rows.map(({ test }) => ("long" in test ? test.long : ""));
  assert.deepEqual(
    runs.filter((name) => !promised.includes(name)),
    [],
    "scripts/docs/reliability-rows.ts has no row for it",
  );
});

test("figures are shown as they were measured, with their day; what was not measured is said so", () => {
  const runs = {
    failover: { date: "2026-01-02", overloaded: { requests: 10_000, attempts: 11_018, limit: 12_010 } },
    "costliest-body": {
      date: "2026-01-03",
      pairs: { a: { request: { longest_ms: 89 }, answer: { longest_ms: 2.5 } }, b: { request: { longest_ms: 132 } } },
    },
    "long-session": { date: "2026-01-04", pairs: { a: {}, b: {} } },
    kill: { date: "2026-01-05", killed: { kills: 20 } },
  };
  const page = renderReliabilityPage(JSON.stringify(runs));
  const cellOf = (run: string): readonly string[] =>
    page.split("\n").flatMap((line) => (line.includes(`test:long -- ${run}\``) ? [line.split(" | ")[2]!] : []));
  assert.deepEqual(["failover", "costliest-body", "long-session", "kill"].map(cellOf), [
    ["11,018 attempts for 10,000 requests, at most 12,010 (2026-01-02) |"],
    ["132 ms for a request, 2.5 ms for an answer (2026-01-03) |"],
    ["2 pairs (2026-01-04) |"],
    ["not measured yet |", "not measured yet |"],
  ]);
});
