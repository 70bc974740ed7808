import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { migratedPostgres } from "../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../tests/testbed/shared-postgres.ts";
import { systemClock } from "../core/index.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../store/index.ts";

export async function withSqlite(body: (store: Store) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-clearing-"));
  const store = await createSqliteStore({ path: join(folder, "gateway.db"), clock: systemClock });
  try {
    await body(store);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** `second`: the store of another process on the same database; on SQLite the same store, as a clearing there is one process. */
export async function withPostgres(body: (store: Store, second: Store) => Promise<void>): Promise<void> {
  const place = await migratedPostgres();
  const [store, second] = await Promise.all([
    createPostgresStore({ place, clock: systemClock, pool: 6 }),
    createPostgresStore({ place, clock: systemClock, pool: 6 }),
  ]);
  try {
    await body(store, second);
  } finally {
    await Promise.all([store.close(), second.close()]);
  }
}

/** A test on each database, with the stores of two processes. */
export function withMarketStores(name: string, body: (store: Store, second: Store) => Promise<void>): void {
  test(`SQLite: ${name}`, () => withSqlite((store) => body(store, store)));
  test(`PostgreSQL: ${name}`, { skip: withoutPostgres }, () => withPostgres(body));
}
