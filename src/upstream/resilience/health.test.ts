import assert from "node:assert/strict";
import { test } from "node:test";
import { createProviderHealth, mergeStates } from "./health.ts";

test("health counts outcomes, averages the latency of successes, and keeps the last failure's message and since when the outcome is the same", () => {
  const clock = { ms: 100, now: () => clock.ms, monotonic: () => clock.ms };
  const health = createProviderHealth({ clock });
  assert.deepEqual([health.snapshot(), health.lastAtMs("a")], [[], 0]);
  health.record("a", false, 9_000, "refused");
  clock.ms = 200;
  health.record("b", true, 50);
  health.record("a", true, 100);
  const before = health.snapshot();
  health.record("a", true, 200);
  clock.ms = 300;
  health.record("a", false, 7_000, "reset");
  clock.ms = 400;
  health.record("a", false, 7_000, "again");
  assert.deepEqual(health.snapshot(), [
    {
      name: "a",
      ok: false,
      lastAtMs: 400,
      sinceMs: 300,
      latencyMs: 120,
      successes: 2,
      failures: 3,
      consecutiveFailures: 2,
      lastError: "again",
      lastErrorAtMs: 400,
    },
    { name: "b", ok: true, lastAtMs: 200, sinceMs: 200, latencyMs: 50, successes: 1, failures: 0, consecutiveFailures: 0 },
  ]);
  assert.deepEqual(before[0], {
    name: "a",
    ok: true,
    lastAtMs: 200,
    sinceMs: 200,
    latencyMs: 100,
    successes: 1,
    failures: 1,
    consecutiveFailures: 0,
    lastError: "refused",
    lastErrorAtMs: 100,
  });
  assert.equal(health.lastAtMs("a"), 400);
});

test("of several processes the latest outcome counts, with the last error that any of them has seen", () => {
  const state = { name: "a", sinceMs: 1, latencyMs: 5, successes: 2, failures: 1, consecutiveFailures: 0 };
  const one = { ...state, ok: true, lastAtMs: 900 };
  const other = { ...state, ok: false, lastAtMs: 800, lastError: "reset", lastErrorAtMs: 800 };
  const only = { ...state, name: "b", ok: true, lastAtMs: 1 };
  const merged = [{ ...one, successes: 4, failures: 2, lastError: "reset", lastErrorAtMs: 800 }, only];
  assert.deepEqual(mergeStates([[one], [other, only]]), merged);
  assert.deepEqual(mergeStates([[other], [one, only]]), merged);
});
