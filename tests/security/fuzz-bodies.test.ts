import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzBodies, sendSeeds } from "./fuzz-bodies.ts";

test("what the fuzzer begins with is read, and there is a body for each operation that takes one", async () => {
  const { answers, unseeded } = await sendSeeds();
  assert.deepEqual(
    answers.filter((answer) => !/ 20[01]$/.test(answer)),
    [],
  );
  assert.deepEqual(unseeded, [], "fuzz-seeds.ts has no body for it");
});

test("800 changed bodies of all dialects and of the admin API: no crash, no 500, and no prototype changes", async (t) => {
  const { statuses, wrong } = await fuzzBodies({ bodies: 800, seed: 1 });
  t.diagnostic(JSON.stringify(statuses));
  assert.deepEqual(wrong, []);
});
