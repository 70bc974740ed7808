import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRowOutcomes } from "../faults/row-outcomes.ts";
import { writeFigures } from "./figures.ts";

/** Rounds of both durabilities; together they have more than a thousand faults. */
const rounds = 4;
const requestsOfRound = 250;

test("a thousand faults of upstream, client, journal and database: a row says ok if, and only if, the client got the whole answer", async (t) => {
  let requests = 0;
  let faults = 0;
  const outcomes: Record<string, number> = {};
  const wrong: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const durability of ["process", "power"] as const) {
      const figures = await compareRowOutcomes({ requests: requestsOfRound, seed: 100 + round, durability, width: 12 });
      requests += figures.requests;
      faults += figures.faults;
      for (const [name, count] of Object.entries(figures.outcomes)) outcomes[name] = (outcomes[name] ?? 0) + count;
      wrong.push(...figures.wrong);
    }
  }
  t.diagnostic(JSON.stringify(outcomes));
  writeFigures("row-outcomes", { requests, faults, rows_that_are_wrong: wrong.length, client_got_and_row_says: outcomes });
  assert.deepEqual(wrong, []);
  assert.ok(faults >= 1000, `${faults} faults`);
});
