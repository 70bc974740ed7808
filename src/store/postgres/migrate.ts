import { messageOf, type Clock } from "../../core/index.ts";
import type { Migration } from "../migrations/index.ts";
import type { PostgresDatabase, PostgresSession } from "./database.ts";
import { newerSchema, StoreError } from "../store-error.ts";

/** The key of the lock that a migrating process takes. */
const migrationLock = 0x746f6b6d;

/**
 * Like `migrateSqlite`: forward only, each step is one transaction under a lock, and several processes may run it at once. A database that is up to
 * date is only read.
 * @throws StoreError `newer_schema`, `migration_failed`, and `denied` if the user may not create tables.
 */
export async function migratePostgres(database: PostgresDatabase, migrations: readonly Migration[], clock: Clock): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0;
  let version = await readPostgresVersion(database);
  while (version < newest) version = await applyNext(database, migrations, clock);
  if (version > newest) throw newerSchema(database.place, version, newest);
}

/** Not with `to_regclass`, which may not see yet what another session committed while this one waited for the lock. */
const findTable =
  "select 1 as found from pg_catalog.pg_tables where schemaname = any (current_schemas(false)) and tablename = 'schema_migrations'";

/** 0: this program has no tables there. */
export async function readPostgresVersion(database: Pick<PostgresDatabase, "query">): Promise<number> {
  if ((await database.query(findTable)).rows.length === 0) return 0;
  return Number((await database.query("select coalesce(max(version), 0) as version from schema_migrations")).rows[0]?.["version"]);
}

/** @returns the version that the database now has. */
async function applyNext(database: PostgresDatabase, migrations: readonly Migration[], clock: Clock): Promise<number> {
  // A step of this or another process may take any time, so there is no limit. The limit for a lock on a table in use stays.
  const session = await database.begin(
    `begin; set local statement_timeout = 0; set local lock_timeout = 0; select pg_advisory_xact_lock(${migrationLock}); set local lock_timeout = ${database.lockMs}`,
  );
  let done = false;
  try {
    const version = await applyWithin(session, database.place, migrations, clock);
    await session.query("commit");
    done = true;
    return version;
  } finally {
    // Closing the connection undoes an unfinished step.
    session.release(!done);
  }
}

async function applyWithin(session: PostgresSession, place: string, migrations: readonly Migration[], clock: Clock): Promise<number> {
  // Another process may have migrated while this one waited for the lock.
  const version = await readPostgresVersion(session);
  const next = migrations.find((migration) => migration.version > version);
  if (next === undefined) return version;
  if (next.version !== version + 1) throw new TypeError(`Migration ${next.version} follows version ${version}.`);
  if (version === 0) await checkEncoding(session, place);
  try {
    await session.script(
      "create table if not exists schema_migrations (version bigint primary key, name text not null, applied_ms bigint not null)",
    );
    await session.script(next.postgresql);
    await session.query("insert into schema_migrations (version, name, applied_ms) values ($1, $2, $3)", [
      next.version,
      next.name,
      clock.now(),
    ]);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(
      "migration_failed",
      `The database ${place} could not be migrated to schema version ${next.version} (${next.name}): ${messageOf(error)}. Nothing was changed. Check that the database belongs to this program.`,
      error,
    );
  }
  return next.version;
}

/** Clients send all of Unicode. */
async function checkEncoding(session: PostgresSession, place: string): Promise<void> {
  const encoding = (await session.query("select current_setting('server_encoding') as encoding")).rows[0]?.["encoding"];
  if (encoding === "UTF8") return;
  throw new StoreError(
    "unwritable",
    `The database ${place} has the encoding ${String(encoding)}. Make one that accepts all texts: create database … encoding 'UTF8' template template0.`,
  );
}
