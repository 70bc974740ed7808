import assert from "node:assert/strict";
import { test } from "node:test";
import { createProviderHealth } from "./health.ts";

test("health counts outcomes, averages the latency of successes and keeps the last failure's message until the next success", () => {
  const clock = { ms: 100, now: () => clock.ms, monotonic: () => clock.ms };
  const health = createProviderHealth({ clock });
  assert.deepEqual(health.snapshot(), []);
  health.record("a", false, 9_000, "refused");
  clock.ms = 200;
  health.record("b", true, 50);
  health.record("a", true, 100);
  const before = health.snapshot();
  health.record("a", true, 200);
  clock.ms = 300;
  health.record("a", false, 7_000, "reset");
  health.record("a", false, 7_000, "again");
  assert.deepEqual(health.snapshot(), [
    { provider: "a", ok: false, lastAtMs: 300, latencyMs: 120, successes: 2, failures: 3, consecutiveFailures: 2, message: "again" },
    { provider: "b", ok: true, lastAtMs: 200, latencyMs: 50, successes: 1, failures: 0, consecutiveFailures: 0 },
  ]);
  assert.deepEqual(before[0], {
    provider: "a",
    ok: true,
    lastAtMs: 200,
    latencyMs: 100,
    successes: 1,
    failures: 1,
    consecutiveFailures: 0,
  });
});
