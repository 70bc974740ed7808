import assert from "node:assert/strict";
import { test } from "node:test";
import { alwaysOverloaded, dyingProvider } from "./failover-load.ts";

test("a provider that always answers 503 gets hardly more requests than the clients send", async (t) => {
  const { requests, attempts, rows, errors } = await alwaysOverloaded({ requests: 240, width: 16 });
  assert.ok(attempts <= 1.2 * requests + 10, `${attempts} attempts`);
  assert.deepEqual([requests, errors, rows], [240, 240, attempts]);
  t.diagnostic(`${attempts} attempts for ${requests} requests`);
});

test("no client notices that the first of two providers dies under load", async (t) => {
  const { requests, errors, failedOver } = await dyingProvider({ requests: 300, width: 16 });
  assert.deepEqual([requests, errors], [300, 0]);
  assert.ok(failedOver > 0);
  t.diagnostic(`${failedOver} of ${requests} requests went on to the second provider`);
});
