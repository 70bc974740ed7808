import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { gatewayEntry } from "../../audit/index.ts";
import { silentLogger, systemClock } from "../../core/index.ts";
import {
  createPostgresStore,
  createSqliteStore,
  describePlace,
  hasData,
  loadDump,
  openPostgresDump,
  openSqliteDump,
  resetPostgres,
  type DumpPage,
  type DumpSource,
  type PostgresPlace,
  type Store,
} from "../../store/index.ts";
import { composeAudit } from "../compose/audit.ts";
import { openStore, postgresPlace } from "../compose/open-store.ts";
import type { DatabaseSection, LoadedSettings } from "../config/index.ts";
import type { BackupManifest } from "./format.ts";

export interface DatabaseRestore {
  readonly loaded: LoadedSettings;
  readonly manifest: BackupManifest;
  readonly pages: () => AsyncIterable<DumpPage>;
  readonly isEmpty: boolean;
  readonly onRows: (rows: number) => void;
  /** Names for files that are set aside end in this. */
  readonly aside: string;
}

/** Whether the database of the configuration has anything of a gateway in it. @throws StoreError if it is no database, or cannot be reached. */
export async function isDatabaseEmpty({ path, postgresql }: DatabaseSection): Promise<boolean> {
  if (postgresql === undefined && !existsSync(path)) return true;
  const source = postgresql === undefined ? openSqliteDump(path) : await openPostgresDump(postgresPlace(postgresql));
  try {
    if (postgresql !== undefined) await checkAlone(source, postgresPlace(postgresql));
    return !(await hasData(source));
  } finally {
    await source.close();
  }
}

/** Gateways on other machines are seen by their connections. */
async function checkAlone(source: DumpSource, place: PostgresPlace): Promise<void> {
  const [row] = await source.query(
    "select count(*) as count from pg_stat_activity where datname = current_database() and application_name = 'tokligence' and pid <> pg_backend_pid()",
  );
  if (Number(row?.["count"]) === 0) return;
  throw new Error(`A gateway is connected to the database ${describePlace(place)}. Stop all gateways that use it: tokligence stop`);
}

/** Writes the backup's rows into the database. What was there before is set aside (SQLite) or removed (PostgreSQL). @returns files set aside. */
export async function restoreDatabase(restore: DatabaseRestore): Promise<readonly string[]> {
  const { postgresql } = restore.loaded.settings.database;
  return postgresql === undefined ? await restoreSqlite(restore) : await restorePostgres(restore, postgresPlace(postgresql));
}

/** The new database is made beside the old one and then takes its name: a crash leaves the one or the other. */
async function restoreSqlite(restore: DatabaseRestore): Promise<readonly string[]> {
  const { loaded, manifest, pages, isEmpty, onRows, aside } = restore;
  const { path } = loaded.settings.database;
  const made = `${path}.restoring`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (const file of filesOf(made)) rmSync(file, { force: true });
  try {
    const store = await createSqliteStore({ path: made, clock: systemClock, schemaVersion: manifest.schema_version });
    await closing(store, () => loadDump(store, pages(), onRows));
    await finish(restore, { ...loaded.settings.database, path: made });
    const old = isEmpty ? [] : setAside(path, aside);
    for (const file of filesOf(path)) rmSync(file, { force: true });
    renameSync(made, path);
    return old;
  } finally {
    for (const file of filesOf(made)) rmSync(file, { force: true });
  }
}

function filesOf(database: string): readonly string[] {
  return [database, `${database}-wal`, `${database}-shm`];
}

/** A database with its write-ahead log stays one that can be opened. */
function setAside(path: string, aside: string): readonly string[] {
  const names = filesOf(`${path}${aside}`);
  for (const [index, file] of filesOf(path).entries()) if (existsSync(file)) renameSync(file, names[index]!);
  return existsSync(names[0]!) ? [names[0]!] : [];
}

async function restorePostgres(restore: DatabaseRestore, place: PostgresPlace): Promise<readonly string[]> {
  const { loaded, manifest, pages, onRows } = restore;
  await resetPostgres(place);
  const store = await createPostgresStore({ place, clock: systemClock, pool: 2, schemaVersion: manifest.schema_version });
  await closing(store, () => loadDump(store, pages(), onRows));
  await finish(restore, loaded.settings.database);
  return [];
}

/** Brings the schema up to date, and notes in the audit trail where it comes from. */
async function finish({ loaded, manifest }: DatabaseRestore, database: DatabaseSection): Promise<void> {
  const store = await openStore(database, systemClock);
  await closing(store, async () => {
    const audit = composeAudit(loaded.settings, { store, clock: systemClock, logger: silentLogger });
    const { created_at: from, version, digests } = manifest;
    audit.log?.add(gatewayEntry("backup.restored", { from, version, audit: digests["audit_entries"] ?? null }));
    await audit.log?.flush();
    await audit.close();
  });
}

async function closing<T>(store: Store, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } finally {
    await store.close();
  }
}
