import { existsSync } from "node:fs";
import { Secret, systemClock } from "../core/index.ts";
import {
  copyStore,
  createPostgresStore,
  createSqliteStore,
  describePlace,
  parsePostgresUrl,
  readPostgresStatus,
  readSqliteStatus,
  takeFileLock,
  type RowCounts,
  type SchemaStatus,
  type Store,
} from "../store/index.ts";
import type { DatabaseSection } from "./config/index.ts";
import { describeLedger, noLiveLedger } from "./compose/journals.ts";
import { describeDatabase, openStore, postgresPlace } from "./compose/open-store.ts";
import { runtimePaths } from "./paths.ts";

/** What `tokligence db status` shows. */
export interface DatabaseStatus {
  readonly type: "sqlite" | "postgresql";
  /** The file, or the database's name and server. */
  readonly database: string;
  readonly schema_version: number;
  /** The newest that this program knows. */
  readonly newest_version: number;
  readonly pending: readonly { readonly version: number; readonly name: string }[];
  /** `null` until the schema is up to date. */
  readonly rows: RowCounts | null;
}

/** Changes nothing. @throws StoreError that says what to do. */
export async function databaseStatus(section: DatabaseSection): Promise<DatabaseStatus> {
  const { type, path, postgresql } = section;
  const status: SchemaStatus = postgresql === undefined ? readSqliteStatus(path) : await readPostgresStatus(postgresPlace(postgresql));
  return {
    type,
    database: describeDatabase(section),
    schema_version: status.version,
    newest_version: status.newest,
    pending: status.pending,
    rows: status.rows ?? null,
  };
}

export interface MigrationResult {
  readonly database: string;
  readonly from_version: number;
  readonly to_version: number;
}

/** Brings the schema up to date, as a start does. */
export async function migrateDatabase(section: DatabaseSection): Promise<MigrationResult> {
  const before = await databaseStatus(section);
  await (await openStore(section, systemClock)).close();
  return { database: before.database, from_version: before.schema_version, to_version: before.newest_version };
}

export interface CopyReport {
  readonly from: string;
  readonly to: string;
  /** By table; compared with the copy. */
  readonly rows: Readonly<Record<string, number>>;
}

/**
 * Copies the SQLite database of a gateway that is stopped into an empty PostgreSQL database; one that was broken off is taken up.
 * @throws Error that says what to do: the gateway runs, its journal holds entries that the database lacks, the target has data of its own.
 */
export async function copyDatabase({ type, path }: DatabaseSection, url: string, onRows?: (rows: number) => void): Promise<CopyReport> {
  if (type !== "sqlite")
    throw new Error("The configuration names a PostgreSQL database: give the one that names the SQLite database to copy, with --config.");
  if (!existsSync(path)) throw new Error(`There is no database ${path} to copy. Check --config and database.path.`);
  const place = parsePostgresUrl(new Secret(url));
  const paths = runtimePaths(path);
  const lock = takeFileLock(paths.lock);
  if (lock === undefined) throw new Error("The gateway is running on this database. Stop it first: tokligence-daemon stop");
  try {
    await using from = closing(await createSqliteStore({ path, clock: systemClock }));
    // Whatever the durability is: the files are what counts.
    const left = (await describeLedger(from.store, paths.journal, "process", noLiveLedger)).journals.filter(({ finished }) => !finished);
    if (left.length > 0) {
      throw new Error(
        `The journal in ${paths.journal} has entries that are not in the database. Start the gateway and stop it: that brings them in. Then copy.`,
      );
    }
    await using to = closing(await createPostgresStore({ place, clock: systemClock, pool: 2 }));
    const { rows } = await copyStore(from.store, to.store, onRows === undefined ? {} : { onRows });
    return { from: path, to: describePlace(place), rows };
  } finally {
    lock.release();
  }
}

function closing(store: Store): AsyncDisposable & { readonly store: Store } {
  return { store, [Symbol.asyncDispose]: () => store.close() };
}
