import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/core/index.ts";
import { compareWithModel } from "../../src/market/clearing/compare-with-model.ts";
import { plantedFaults } from "../../src/market/clearing/planted-faults.ts";
import { sameOnDatabase } from "../../src/market/clearing/same-on-database.ts";
import { createPostgresStore, createSqliteStore } from "../../src/store/index.ts";
import { migratedPostgres } from "../testbed/migrated-postgres.ts";
import { withoutPostgres } from "../testbed/shared-postgres.ts";
import { writeFigures } from "./figures.ts";

const operations = 50_000;

test("a million random operations of the clearing do what a plain model does, and every rule holds", () => {
  compareWithModel({ seed: 100_000, operations: 1_000_000, checkEvery: 250 });
  writeFigures("market-engine", { memory: { operations: 1_000_000 } });
});

test("an engine with a fault is found", () => {
  const faults = Object.entries(plantedFaults);
  for (const [name, engine] of faults) {
    assert.throws(() => {
      compareWithModel({ seed: 5, operations: 5000, checkEvery: 10 }, engine);
    }, name);
  }
  writeFigures("market-engine", { faults: { planted: faults.length, found: faults.length } });
});

test("50,000 random operations in SQLite leave the accounts and leases that they leave in memory", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-clearing-"));
  const store = await createSqliteStore({ path: join(folder, "gateway.db"), clock: systemClock });
  try {
    await sameOnDatabase(store, { seed: 21, operations });
    writeFigures("market-engine", { sqlite: { operations } });
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test(
  "50,000 random operations in PostgreSQL leave the accounts and leases that they leave in memory",
  { skip: withoutPostgres },
  async () => {
    const store = await createPostgresStore({ place: await migratedPostgres(), clock: systemClock, pool: 4 });
    try {
      await sameOnDatabase(store, { seed: 21, operations });
      writeFigures("market-engine", { postgresql: { operations } });
    } finally {
      await store.close();
    }
  },
);
