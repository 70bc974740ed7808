import { CompiledQuery, Kysely } from "kysely";
import type { Clock } from "../../core/index.ts";
import { migrationsUpTo } from "../migrations/index.ts";
import { createPostgresDatabase, defaultTimeouts, type PostgresTimeouts } from "./database.ts";
import { createPostgresDialect } from "./dialect.ts";
import { createPostgresInserter, type InsertTarget } from "./insert.ts";
import { migratePostgres } from "./migrate.ts";
import { dropMonthsBefore, makeMonths, monthsAhead } from "./months.ts";
import type { PostgresPlace } from "./place.ts";
import { bumpAccountsRevision, readAccountsRevision } from "../revisions.ts";
import type { Tables } from "../tables.ts";
import type { Store } from "../types.ts";

export interface PostgresStoreOptions {
  readonly place: PostgresPlace;
  readonly clock: Clock;
  /** The schema is brought to this version; to the newest if omitted. */
  readonly schemaVersion?: number;
  /** Maximum number of connections; 10. */
  readonly pool?: number;
  readonly timeouts?: Partial<PostgresTimeouts>;
}

/**
 * Connects to a PostgreSQL database (15 or later) and brings its schema up to date. If the server goes away, calls wait for it, as long as the
 * timeout for a connection; a write that was active then fails with a StoreError `unavailable` and may be tried again.
 * @throws StoreError that says what to do if the server is not there, refuses the user, lacks the database, or has the schema of a newer program.
 */
export async function createPostgresStore({ place, clock, schemaVersion, pool = 10, timeouts }: PostgresStoreOptions): Promise<Store> {
  const database = await createPostgresDatabase(place, pool, { ...defaultTimeouts, ...timeouts });
  try {
    await migratePostgres(database, migrationsUpTo(schemaVersion), clock);
    await makeMonths(database, monthsAhead(clock.now()));
  } catch (error) {
    await database.close();
    throw error;
  }
  const db = new Kysely<Tables>({ dialect: createPostgresDialect(database) });
  const inserter = createPostgresInserter();
  let closing: Promise<void> | undefined;

  return {
    dialect: "postgresql",
    db,
    reader: db,
    async insertRows(table, columns, rows, transaction) {
      if (rows.length === 0) return 0;
      if (transaction === undefined) return await inserter.insert(database, table, columns, rows);
      return await inserter.insertWithin(within(transaction), table, columns, rows);
    },
    readRevision: () => readAccountsRevision(db),
    bumpRevision: (transaction) => bumpAccountsRevision(transaction ?? db),
    dropUsageBefore: (timeMs) => dropMonthsBefore(database, timeMs),
    async ping() {
      const start = clock.monotonic();
      await readAccountsRevision(db);
      return clock.monotonic() - start;
    },
    inspect: () => undefined,
    problem: undefined,
    abort() {
      database.abort();
    },
    close() {
      // Kysely closes the database only if it has been used through Kysely.
      closing ??= db.destroy().then(() => database.close());
      return closing;
    },
  };
}

/** Sends plain SQL within the caller's transaction. */
function within(transaction: Kysely<Tables>): InsertTarget {
  return {
    async query(sql, parameters = []) {
      const { rows, numAffectedRows } = await transaction.executeQuery<Record<string, unknown>>(CompiledQuery.raw(sql, [...parameters]));
      return { rows, ...(numAffectedRows === undefined ? {} : { numAffectedRows }) };
    },
  };
}
