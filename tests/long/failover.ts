import assert from "node:assert/strict";
import { test } from "node:test";
import { alwaysOverloaded, dyingProvider } from "../faults/failover-load.ts";
import { writeFigures } from "./figures.ts";

test("a provider that always answers 503: at most 1.2 attempts for each request, and ten", async () => {
  const { requests, attempts, rows } = await alwaysOverloaded({ requests: 10_000, width: 64 });
  writeFigures("failover", { overloaded: { requests, attempts, limit: 1.2 * requests + 10 } });
  assert.ok(attempts <= 1.2 * requests + 10, `${attempts} attempts`);
  assert.equal(rows, attempts);
});

test("a provider that dies under load, with a second target: no client sees an error", async () => {
  const { requests, attempts, errors, failedOver } = await dyingProvider({ requests: 20_000, width: 64 });
  writeFigures("failover", { dying: { requests, attempts, failed_over: failedOver, client_errors: errors } });
  assert.equal(errors, 0);
});
