import { Kysely } from "kysely";
import type { Clock } from "../../core/index.ts";
import { migrationsUpTo } from "../migrations/index.ts";
import { bumpAccountsRevision, readAccountsRevision } from "../revisions.ts";
import { Checkpoints } from "./checkpoints.ts";
import { createSqliteDatabase } from "./database.ts";
import { createSqliteDialect } from "./dialect.ts";
import { createSqliteReader } from "./reader.ts";
import { openSqliteFile } from "./file.ts";
import { createRowInserter } from "./insert.ts";
import { migrateSqlite } from "./migrate.ts";
import { explainSqliteError } from "../store-error.ts";
import type { Tables } from "../tables.ts";
import type { Store } from "../types.ts";

export interface SqliteStoreOptions {
  /** The database file, made if missing, or `:memory:`. */
  readonly path: string;
  readonly clock: Clock;
  /** The schema is brought to this version; to the newest if omitted. */
  readonly schemaVersion?: number;
  /** How long to wait for another process's lock, in milliseconds; 5000 by default. The wait does not block this process. */
  readonly busyTimeoutMs?: number;
}

/**
 * Opens a SQLite database and brings its schema up to date.
 * @throws StoreError that says what to do if the path cannot be written, the file is damaged, or it comes from a newer program.
 */
export async function createSqliteStore({ path, clock, schemaVersion, busyTimeoutMs = 5000 }: SqliteStoreOptions): Promise<Store> {
  const database = createSqliteDatabase(path, await openSqliteFile(path, busyTimeoutMs), busyTimeoutMs);
  try {
    await migrateSqlite(database, migrationsUpTo(schemaVersion), clock);
  } catch (error) {
    await database.close();
    throw error;
  }
  const { native } = database;
  const checkpoints = new Checkpoints({ path, native });
  const db = new Kysely<Tables>({ dialect: createSqliteDialect(database, () => checkpoints.written()) });
  // A database in memory has one connection.
  const reader = path === ":memory:" ? undefined : createSqliteReader({ path, check: () => database.files.check() });
  const inserter = createRowInserter(native);
  let closing: Promise<void> | undefined;

  /** Inserts within the caller's transaction, whose connection is the only one. A savepoint makes sure that an error leaves none of these rows. */
  const insertWithin = (...rows: Parameters<typeof inserter.insert>): number => {
    if (!native.isTransaction) throw new TypeError("The transaction given to insertRows is over.");
    native.exec("savepoint insert_rows");
    try {
      const added = inserter.insert(...rows);
      native.exec("release insert_rows");
      return added;
    } catch (error) {
      if (native.isTransaction) native.exec("rollback to insert_rows; release insert_rows");
      throw explainSqliteError(error, path);
    }
  };

  return {
    dialect: "sqlite",
    db,
    reader: reader?.db ?? db,
    async insertRows(table, columns, rows, transaction) {
      if (rows.length === 0) return 0;
      checkpoints.inserted(rows.length);
      if (transaction !== undefined) return insertWithin(table, columns, rows);
      return database.write(() => inserter.insert(table, columns, rows));
    },
    readRevision: () => readAccountsRevision(db),
    bumpRevision: (transaction) => bumpAccountsRevision(transaction ?? db),
    async ping() {
      const start = clock.monotonic();
      await readAccountsRevision(db);
      return clock.monotonic() - start;
    },
    inspect() {
      database.files.inspect();
    },
    get problem() {
      return database.files.problem;
    },
    abort: () => undefined,
    close() {
      // Kysely closes the database only if it has been used through Kysely.
      // The connection that is closed last makes a checkpoint, so this must be the serving one.
      closing ??= Promise.all([checkpoints.close(), reader?.close()])
        .then(() => db.destroy())
        .then(() => database.close());
      return closing;
    },
  };
}
