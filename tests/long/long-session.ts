import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Bench } from "../matrix/bench.ts";
import { startBench } from "../matrix/bench.ts";
import { playSession } from "../matrix/long-session.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

for (const client of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    test(`${client} to ${upstream}: 217 turns with 501 calls`, async (t) => {
      const { turns, calls, leastRepeated, lastBodyBytes } = await playSession(bench, client, upstream, 217);
      t.diagnostic(
        `${turns} turns, ${calls} calls, ${lastBodyBytes} bytes in the end, at least ${(leastRepeated * 100).toFixed(2)} % repeated`,
      );
      assert.equal(calls, 501);
      assert.equal(leastRepeated, 1);
    });
  }
}
