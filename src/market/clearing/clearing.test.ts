import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { migratedPostgres } from "../../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { systemClock } from "../../core/index.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../../store/index.ts";
import { checkClearing } from "./check.ts";
import { createClearing } from "./clearing.ts";
import { sameOnDatabase } from "./same-on-database.ts";

async function withSqlite(body: (store: Store) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-clearing-"));
  const store = await createSqliteStore({ path: join(folder, "gateway.db"), clock: systemClock });
  try {
    await body(store);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

test("300 random operations in SQLite leave the accounts and leases that they leave in memory", async () => {
  await withSqlite((store) => sameOnDatabase(store, { seed: 11, operations: 300 }));
});

test("100 random operations in PostgreSQL leave the accounts and leases that they leave in memory", { skip: withoutPostgres }, async () => {
  const store = await createPostgresStore({ place: await migratedPostgres(), clock: systemClock, pool: 4 });
  try {
    await sameOnDatabase(store, { seed: 12, operations: 100 });
  } finally {
    await store.close();
  }
});

test("a lease that is asked for twice is one lease, with the document of the first time", async () => {
  await withSqlite(async (store) => {
    const clearing = createClearing(store, () => 5);
    const lease = {
      kind: "open",
      id: "l1",
      buyer: "a",
      seller: "b",
      hold: 10n,
      settleBy: 100,
      feePpm: 0n,
      model: "m",
      limit: 15n,
    } as const;
    assert.deepEqual(await clearing.open({ ...lease, document: "first" }), { result: "ok", document: "first" });
    assert.deepEqual(await clearing.open({ ...lease, document: "second" }), { result: "same", document: "first" });
    assert.deepEqual(await clearing.open({ ...lease, id: "l2", document: "third" }), { result: "insufficient_funds", document: undefined });
    assert.equal((await clearing.account("a")).held, 10n);
  });
});

test("200 leases at once on a limit for 10 open 10", async () => {
  await withSqlite(async (store) => {
    const clearing = createClearing(store, () => 5);
    const opened = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        clearing.open({
          kind: "open",
          id: `l${index}`,
          buyer: "a",
          seller: "b",
          hold: 1n,
          settleBy: 100,
          feePpm: 0n,
          model: "m",
          limit: 10n,
          document: "d",
        }),
      ),
    );
    assert.equal(opened.filter(({ result }) => result === "ok").length, 10);
    assert.deepEqual(checkClearing(await clearing.readAll()), []);
  });
});

test("a transfer cannot be changed or deleted", async () => {
  await withSqlite(async (store) => {
    await createClearing(store, () => 5).deposit("d1", "a", 100n);
    await assert.rejects(store.db.updateTable("market_transfers").set({ leg: 1 }).execute(), /append-only/);
    await assert.rejects(store.db.deleteFrom("market_transfers").execute(), /append-only/);
  });
});

test("deadlines move by the time that the clearing was away, and what is due ends", async () => {
  await withSqlite(async (store) => {
    let now = 0;
    const clearing = createClearing(store, () => now);
    const lease = {
      kind: "open",
      buyer: "a",
      seller: "b",
      hold: 1n,
      settleBy: 100,
      feePpm: 0n,
      model: "m",
      limit: 10n,
      document: "d",
    } as const;
    await clearing.open({ ...lease, id: "l1" });
    await clearing.resume(50);
    now = 100;
    assert.equal(await clearing.sweep(10), 0);
    now = 150;
    assert.equal(await clearing.sweep(10), 1);
    assert.equal((await clearing.account("a")).held, 0n);
    assert.equal(await clearing.settle({ id: "l1", cum: 1n, ceiling: 1n, acked: 1n, window: 1 }), "void");
  });
});
