import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Bench } from "../matrix/bench.ts";
import { startBench } from "../matrix/bench.ts";
import { playSession } from "../matrix/long-session.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { writeFigures } from "./figures.ts";

const pairs: Record<string, object> = {};

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(async () => {
  await bench.stop();
  writeFigures("long-session", { pairs });
});

for (const client of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    test(`${client} to ${upstream}: 217 turns with 501 calls`, async () => {
      const { turns, calls, leastRepeated, lastBodyBytes } = await playSession(bench, client, upstream, 217);
      assert.equal(calls, 501);
      assert.equal(leastRepeated, 1);
      pairs[`${client} to ${upstream}`] = { turns, calls, last_body_bytes: lastBodyBytes };
    });
  }
}
