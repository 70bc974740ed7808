import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { migratedPostgresUrl } from "../testbed/migrated-postgres.ts";
import { withoutPostgres } from "../testbed/shared-postgres.ts";
import { budgetTransfers, type TransferFigures } from "./budget-transfers.ts";

function check(figures: TransferFigures, transfers: number): void {
  assert.equal(figures.admitted + figures.refused, transfers);
  for (const count of Object.values(figures)) assert.ok(count > 0, JSON.stringify(figures));
}

test("SQLite: four hundred transfers by three writers add up, and exceed no budget", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-transfers-"));
  try {
    const figures = await budgetTransfers({ place: { path: join(folder, "gateway.db") }, writers: 3, transfers: 402, seed: 1 });
    check(figures, 402);
    t.diagnostic(JSON.stringify(figures));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("PostgreSQL: two hundred transfers by three writers add up, and exceed no budget", { skip: withoutPostgres }, async (t) => {
  const figures = await budgetTransfers({ place: { url: await migratedPostgresUrl() }, writers: 3, transfers: 210, seed: 2 });
  check(figures, 210);
  t.diagnostic(JSON.stringify(figures));
});
