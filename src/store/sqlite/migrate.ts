import type { Clock } from "../../core/index.ts";
import { messageOf } from "../../core/index.ts";
import type { Migration } from "../migrations/index.ts";
import type { SqliteDatabase } from "./database.ts";
import { explainSqliteError, newerSchema, StoreError } from "../store-error.ts";

/**
 * Brings the schema to the newest version, forward only. Each step is one transaction that takes the write lock first and then reads the version. So
 * several processes may start at once: one performs the step, the others find it done. A database that is up to date is only read.
 * @throws StoreError `newer_schema` if the database is newer than the program; `migration_failed` if a step fails, which then has changed nothing.
 */
export async function migrateSqlite(database: SqliteDatabase, migrations: readonly Migration[], clock: Clock): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0;
  let version = await readVersion(database);
  while (version < newest) {
    version = await database.write(() => applyNext(database, migrations, clock));
  }
  if (version > newest) {
    throw newerSchema(database.path, version, newest);
  }
}

/** @returns the version that the database now has. */
function applyNext(database: SqliteDatabase, migrations: readonly Migration[], clock: Clock): number {
  // Another process may have migrated while this one waited for the lock.
  const version = readVersionWithin(database);
  const next = migrations.find((migration) => migration.version > version);
  if (next === undefined) return version;
  if (next.version !== version + 1) throw new TypeError(`Migration ${next.version} follows version ${version}.`);
  const { native, path } = database;
  try {
    native.exec(
      "create table if not exists schema_migrations (version integer primary key, name text not null, applied_ms integer not null) strict",
    );
    native.exec(next.sqlite);
    const record = native.prepare("insert into schema_migrations (version, name, applied_ms) values (?, ?, ?)");
    record.run(next.version, next.name, clock.now());
  } catch (error) {
    const explained = explainSqliteError(error, path);
    if (explained instanceof StoreError) throw explained;
    throw new StoreError(
      "migration_failed",
      `The database ${path} could not be migrated to schema version ${next.version} (${next.name}): ${messageOf(error)}. Nothing was changed. Check that the file belongs to this program.`,
      error,
    );
  }
  return next.version;
}

const findTable = "select 1 as found from sqlite_schema where type = 'table' and name = 'schema_migrations'";
const findVersion = "select coalesce(max(version), 0) as version from schema_migrations";

async function readVersion(database: SqliteDatabase): Promise<number> {
  if ((await database.execute(findTable, [])).rows.length === 0) return 0;
  return Number((await database.execute(findVersion, [])).rows[0]?.["version"]);
}

function readVersionWithin(database: SqliteDatabase): number {
  if (database.executeWithin(findTable, []).rows.length === 0) return 0;
  return Number(database.executeWithin(findVersion, []).rows[0]?.["version"]);
}
