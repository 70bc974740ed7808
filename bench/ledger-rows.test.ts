import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { rowsProblem, settledRows } from "./ledger-rows.ts";

/** A ledger that shows these counts one after the other, then the last for ever; `waits` is how often it was waited for. */
function ledger(counts: readonly number[]): { rows: { count(): number }; wait: () => Promise<void>; waits: () => number } {
  let asked = 0;
  let waits = 0;
  return {
    rows: { count: () => counts[Math.min(asked++, counts.length - 1)] ?? 0 },
    wait: () => {
      waits++;
      return Promise.resolve();
    },
    waits: () => waits,
  };
}

test("rows that still arrive are waited for, until the number stands still", async () => {
  const { rows, wait, waits } = ledger([5, 9, 9, 12, 14]);
  deepEqual([await settledRows(rows, 10, wait), waits()], [14, 14]);
});

test("rows that do not arrive are waited for only so long", async () => {
  const { rows, wait, waits } = ledger([5]);
  deepEqual([await settledRows(rows, 10, wait), waits()], [5, 400]);
});

test("each request that was answered or reached the upstream has a row; one more a connection may have been given up", () => {
  const traffic = { answered: 1000, dispatched: 1040, connections: 50 };
  equal(rowsProblem(1040, traffic), undefined);
  equal(rowsProblem(1050, traffic), undefined);
  equal(rowsProblem(1039, traffic), "the ledger has 1039 rows for 1040 requests: 1 are lost");
  equal(rowsProblem(999, { ...traffic, dispatched: 0 }), "the ledger has 999 rows for 1000 requests: 1 are lost");
  equal(rowsProblem(1051, traffic), "the ledger has 1051 rows for at most 1050 requests");
});
