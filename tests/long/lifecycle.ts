import assert from "node:assert/strict";
import { test } from "node:test";
import { reloadRun, restartRun, stopRun } from "../process/lifecycle-run.ts";
import { writeFigures } from "./figures.ts";

const load = { width: 32, between: 200 };

test("fifty restarts under load: no request fails, no row is missing", async () => {
  const figures = await restartRun({ rounds: 50, ...load });
  writeFigures("lifecycle", { restarts: figures });
  assert.deepEqual([figures.unanswered, figures.rows], [0, figures.answered]);
});

test("ten restarts of two workers under load: no request fails, no row is missing", async () => {
  const figures = await restartRun({ rounds: 10, ...load, yaml: "gateway: { workers: 2 }" });
  writeFigures("lifecycle", { restarts_of_two_workers: figures });
  assert.deepEqual([figures.unanswered, figures.rows], [0, figures.answered]);
});

test("two hundred reloads under load: no request fails, no row is missing", async () => {
  const figures = await reloadRun({ rounds: 200, width: 32, between: 50 });
  writeFigures("lifecycle", { reloads: figures });
  assert.deepEqual([figures.unanswered, figures.rows], [0, figures.answered]);
});

test("fifty times SIGTERM and a start under load: every request that was accepted is answered, no row is missing", async () => {
  const figures = await stopRun({ rounds: 50, ...load });
  writeFigures("lifecycle", { stops: figures });
  assert.equal(figures.rows, figures.answered);
});
