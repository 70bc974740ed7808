import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PROTOCOLS } from "../testbed/scenario.ts";
import type { Bench } from "./bench.ts";
import { startBench } from "./bench.ts";
import { playSession } from "./long-session.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

for (const client of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    test(`${client} to ${upstream}: a session goes on, with its proofs, and repeats itself byte for byte`, async () => {
      const { calls, leastRepeated } = await playSession(bench, client, upstream, 12);
      assert.equal(calls, 28);
      assert.equal(leastRepeated, 1);
    });
  }
}
