import { test } from "node:test";
import { simulateJournal } from "../faults/journal-simulation.ts";

/** `JOURNAL_SEED` plays one seed alone. */
test("10,000 seeds of crashes and faults of disk and database: the ledger keeps its promise", async (t) => {
  const only = process.env["JOURNAL_SEED"];
  if (only !== undefined) {
    await simulateJournal(Number(only));
    return;
  }
  let answered = 0;
  let crashes = 0;
  for (let seed = 1; seed <= 10_000; seed++) {
    const figures = await simulateJournal(seed);
    answered += figures.answered;
    crashes += figures.crashes;
  }
  t.diagnostic(`${answered} answers, ${crashes} crashes`);
});
