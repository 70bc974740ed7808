import { test } from "node:test";
import { writeFigures } from "./figures.ts";
import { simulateJournal } from "../faults/journal-simulation.ts";

/** `JOURNAL_SEED` plays one seed alone. */
test("10,000 seeds of crashes and faults of disk and database: the ledger keeps its promise", async () => {
  const only = process.env["JOURNAL_SEED"];
  if (only !== undefined) {
    await simulateJournal(Number(only));
    return;
  }
  let answered = 0;
  let crashes = 0;
  const seeds = 10_000;
  for (let seed = 1; seed <= seeds; seed++) {
    const figures = await simulateJournal(seed);
    answered += figures.answered;
    crashes += figures.crashes;
  }
  writeFigures("journal-simulation", { seeds, answered, crashes });
});
