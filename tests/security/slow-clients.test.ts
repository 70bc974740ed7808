import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../e2e/harness.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { slowClients, slowShapes } from "./slow-clients.ts";

test("240 slow clients are cut off, whichever way they are slow, and a good client is served meanwhile", async (t) => {
  const gateway = await startGateway({ config: "gateway: { timeouts: { client: 300ms } }\n", logLevel: "error" });
  try {
    const { key } = await gateway.createKey("alice");
    const { connections, stillOpen, good } = await slowClients({
      url: gateway.url,
      port: gateway.port,
      key,
      each: 40,
      byteMs: 20,
      withinMs: 15_000,
    });
    t.diagnostic(`${good.statuses.length} good requests, the slowest took ${good.slowestMs} ms`);
    assert.deepEqual([connections, stillOpen], [40 * slowShapes.length, []]);
    assert.ok(good.statuses.length > 0 && good.statuses.every((status) => status === 200));
    // One is left at most: that of the good client.
    await waitUntil("connections are gone", () => gateway.gateway.edge.gauges().open_connections <= 1);
    assert.equal(gateway.gateway.ledger.status().open, 0);
  } finally {
    await gateway.stop();
  }
});
