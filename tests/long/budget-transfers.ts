import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { budgetTransfers } from "../faults/budget-transfers.ts";
import { writeFigures } from "./figures.ts";
import { migratedPostgresUrl } from "../testbed/migrated-postgres.ts";
import { withoutPostgres } from "../testbed/shared-postgres.ts";

test("SQLite: a million transfers by eight writers add up, and exceed no budget", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-transfers-"));
  try {
    const sqlite = await budgetTransfers({ place: { path: join(folder, "gateway.db") }, writers: 8, transfers: 1_000_000, seed: 1 });
    writeFigures("budget-transfers", { sqlite });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("PostgreSQL: thirty thousand transfers by eight writers add up, and exceed no budget", { skip: withoutPostgres }, async () => {
  const place = { url: await migratedPostgresUrl() };
  writeFigures("budget-transfers", { postgresql: await budgetTransfers({ place, writers: 8, transfers: 30_000, seed: 2 }) });
});
