import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateJournal } from "./journal-simulation.ts";

test("whatever the disk, the database, the clock and crashes do: what was promised is in the ledger, once, and nothing else", async (t) => {
  let answered = 0;
  let crashes = 0;
  for (let seed = 1; seed <= 250; seed++) {
    const figures = await simulateJournal(seed);
    answered += figures.answered;
    crashes += figures.crashes;
  }
  t.diagnostic(`${answered} answers, ${crashes} crashes`);
  assert.ok(answered > 2000 && crashes > 250, "the simulation does something");
});
