import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRowOutcomes } from "./row-outcomes.ts";

for (const [durability, seed] of [
  ["process", 1],
  ["power", 2],
] as const) {
  test(`${durability}: amid faults of upstream, client, journal and database a row says ok if, and only if, the client got the whole answer`, async (t) => {
    const { outcomes, wrong } = await compareRowOutcomes({ requests: 70, seed, durability, width: 12 });
    t.diagnostic(JSON.stringify(outcomes));
    assert.deepEqual(wrong, []);
    for (const status of ["ok", "cancelled", "error"])
      assert.ok(
        Object.keys(outcomes).some((name) => name.endsWith(` ${status}`)),
        JSON.stringify(outcomes),
      );
  });
}
