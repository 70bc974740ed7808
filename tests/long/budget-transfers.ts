import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { budgetTransfers } from "../faults/budget-transfers.ts";
import { writeFigures } from "./figures.ts";
import { sharedPostgres, withoutPostgres } from "../testbed/shared-postgres.ts";

test("SQLite: a million transfers by eight writers add up, and exceed no budget", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-transfers-"));
  try {
    const sqlite = await budgetTransfers({ place: { path: join(folder, "gateway.db") }, transfers: 1_000_000, seed: 1 });
    writeFigures("budget-transfers", { sqlite });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("PostgreSQL: thirty thousand transfers by eight writers add up, and exceed no budget", { skip: withoutPostgres }, async () => {
  const server = await sharedPostgres();
  const place = { url: server.url(await server.createDatabase()) };
  writeFigures("budget-transfers", { postgresql: await budgetTransfers({ place, transfers: 30_000, seed: 2 }) });
});
