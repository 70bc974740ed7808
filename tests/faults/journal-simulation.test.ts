import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateJournal } from "./journal-simulation.ts";

test("whatever the disk, the database, the clock and crashes do: what was promised is in the ledger, once, and nothing else", async (t) => {
  let answered = 0;
  let crashes = 0;
  // The last one: a row that was released late was removed with the oldest segments, before its transaction was on the disk.
  for (const seed of [...Array.from({ length: 250 }, (_, index) => index + 1), 9596]) {
    const figures = await simulateJournal(seed);
    answered += figures.answered;
    crashes += figures.crashes;
  }
  t.diagnostic(`${answered} answers, ${crashes} crashes`);
  assert.ok(answered > 2000 && crashes > 250, "the simulation does something");
});
