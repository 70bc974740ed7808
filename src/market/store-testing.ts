import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeMigratedSqlite } from "../../tests/testbed/migrated-sqlite.ts";
import { migratedPostgres } from "../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../tests/testbed/shared-postgres.ts";
import { systemClock } from "../core/index.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../store/index.ts";

/** The stores of the processes that share one database. */
export interface OpenedStores {
  readonly stores: readonly Store[];
  close(): Promise<void>;
}

/** On SQLite a clearing is one process. */
export async function openSqlite(): Promise<OpenedStores> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-clearing-"));
  const path = join(folder, "gateway.db");
  await makeMigratedSqlite(path);
  const store = await createSqliteStore({ path, clock: systemClock });
  return {
    stores: [store],
    close: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Two processes. */
export async function openPostgres(): Promise<OpenedStores> {
  const place = await migratedPostgres();
  const stores = await Promise.all([1, 2].map(() => createPostgresStore({ place, clock: systemClock, pool: 6 })));
  return {
    stores,
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}

async function withOpened(open: () => Promise<OpenedStores>, body: (store: Store, second: Store) => Promise<void>): Promise<void> {
  const { stores, close } = await open();
  try {
    await body(stores[0]!, stores.at(-1)!);
  } finally {
    await close();
  }
}

export function withSqlite(body: (store: Store) => Promise<void>): Promise<void> {
  return withOpened(openSqlite, body);
}

export function withPostgres(body: (store: Store, second: Store) => Promise<void>): Promise<void> {
  return withOpened(openPostgres, body);
}

/** A test on each database, with the stores of two processes; on SQLite both are the same one. */
export function withMarketStores(name: string, body: (store: Store, second: Store) => Promise<void>): void {
  test(`SQLite: ${name}`, () => withOpened(openSqlite, body));
  test(`PostgreSQL: ${name}`, { skip: withoutPostgres }, () => withOpened(openPostgres, body));
}
