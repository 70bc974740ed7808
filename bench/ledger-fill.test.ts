import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../src/core/index.ts";
import { createReports } from "../src/ledger/index.ts";
import { createSqliteStore } from "../src/store/index.ts";
import { fillLedger, reportQueries } from "./ledger-fill.ts";

test("the ledger that reports are measured on has all its rows in the month, and each report finds some", async () => {
  const store = await createSqliteStore({ path: ":memory:", clock: systemClock });
  try {
    await fillLedger(store, 2500);
    const reports = createReports({ store });
    const found = await Promise.all(
      Object.entries(reportQueries).map(async ([name, query]) => [name, await reports.usage(query)] as const),
    );
    for (const [name, { rows, totals }] of found) assert.ok(rows.length > 0 && totals.requests > 0, name);
    const all = new Map(found);
    assert.equal(all.get("all of it, one row")!.totals.requests, 2500);
    assert.deepEqual(all.get("month by provider, model")!.totals, all.get("all of it, one row")!.totals);
  } finally {
    await store.close();
  }
});
