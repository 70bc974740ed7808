import assert from "node:assert/strict";
import { test } from "node:test";
import { reloadRun, restartRun, stopRun } from "./lifecycle-run.ts";

test("a restart under load: no request fails, and none is missing in the ledger", async () => {
  const { unanswered, rows, answered } = await restartRun({ rounds: 1, width: 8, between: 50 });
  assert.deepEqual([unanswered, rows], [0, answered]);
});

test("reloads under load: no request fails", async () => {
  const { unanswered, rows, answered } = await reloadRun({ rounds: 5, width: 8, between: 20 });
  assert.deepEqual([unanswered, rows], [0, answered]);
});

test("SIGTERM and a start under load: every request that was accepted is answered", async () => {
  const { rows, answered } = await stopRun({ rounds: 1, width: 8, between: 50 });
  assert.equal(rows, answered);
});
