import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzAnswers } from "./fuzz-answers.ts";

test("400 changed answers of providers of all protocols: no crash, and clients of other dialects can read what they get", async (t) => {
  const { outcomes, wrong } = await fuzzAnswers({ answers: 400, seed: 1 });
  t.diagnostic(JSON.stringify(outcomes));
  assert.deepEqual(wrong, []);
});
