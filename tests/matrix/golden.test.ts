import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { startBench, type Bench } from "./bench.ts";
import { foreignPairs, goldenFolder, renderGoldens } from "./golden.ts";

suite("the wires of every pair are those that were read and found good (`npm run goldens` writes them anew)", () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench();
  });
  after(() => bench.stop());

  for (const pair of foreignPairs(PROTOCOLS)) {
    test(`${pair.client} to ${pair.upstream}`, async () => {
      const folder = goldenFolder(pair);
      const goldens = await renderGoldens(bench, pair);
      for (const [name, text] of goldens) assert.equal(text, readFileSync(`${folder}/${name}`, "utf8"), name);
      assert.deepEqual(readdirSync(folder).toSorted(), [...goldens.keys()].toSorted());
    });
  }
});
