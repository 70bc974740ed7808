import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { migrations, type Migration } from "./migrations/index.ts";
import { createPostgresDatabase, defaultTimeouts } from "./postgres/database.ts";
import { readPostgresVersion } from "./postgres/migrate.ts";
import type { PostgresPlace } from "./postgres/place.ts";
import { explainSqliteError } from "./store-error.ts";

/** The state of a database, read without changing it. */
export interface SchemaStatus {
  /** 0: this program has no tables there. */
  readonly version: number;
  /** The newest version that this program knows. */
  readonly newest: number;
  /** The migrations that a start, or `tokligence db migrate`, will apply. */
  readonly pending: readonly Pick<Migration, "version" | "name">[];
  /** The number of users, keys and usage entries; `undefined` if the schema is not up to date. */
  readonly rows?: RowCounts;
}

export interface RowCounts {
  readonly users: number;
  readonly api_keys: number;
  /** All entries ever recorded. The number comes from the sums of the reports, as counting millions of rows takes long. */
  readonly usage_entries: number;
}

const countRows = `
select (select count(*) from users) as users, (select count(*) from api_keys) as api_keys,
  (select coalesce(sum(attempts), 0) from usage_sums where span = 'day') as usage_entries`;

/** @throws StoreError if the file is not a database. */
export function readSqliteStatus(path: string): SchemaStatus {
  if (!existsSync(path)) return statusOf(0, undefined);
  let database: DatabaseSync | undefined;
  try {
    const opened = new DatabaseSync(path, { readOnly: true, timeout: 1000 });
    database = opened;
    const read = (sql: string): Record<string, unknown> | undefined => opened.prepare(sql).get();
    const made = read("select 1 as found from sqlite_schema where type = 'table' and name = 'schema_migrations'") !== undefined;
    const version = made ? Number(read("select coalesce(max(version), 0) as version from schema_migrations")?.["version"]) : 0;
    return statusOf(version, isNewest(version) ? read(countRows) : undefined);
  } catch (error) {
    throw explainSqliteError(error, path);
  } finally {
    database?.close();
  }
}

/** @throws StoreError that says what to do, as `createPostgresStore` does. */
export async function readPostgresStatus(place: PostgresPlace): Promise<SchemaStatus> {
  const database = await createPostgresDatabase(place, 1, defaultTimeouts);
  try {
    const version = await readPostgresVersion(database);
    return statusOf(version, isNewest(version) ? (await database.query(countRows)).rows[0] : undefined);
  } finally {
    await database.close();
  }
}

function isNewest(version: number): boolean {
  return version === (migrations.at(-1)?.version ?? 0);
}

function statusOf(version: number, counted: Record<string, unknown> | undefined): SchemaStatus {
  return {
    version,
    newest: migrations.at(-1)?.version ?? 0,
    pending: migrations.filter((migration) => migration.version > version).map(({ version, name }) => ({ version, name })),
    ...(counted === undefined
      ? {}
      : {
          rows: { users: Number(counted["users"]), api_keys: Number(counted["api_keys"]), usage_entries: Number(counted["usage_entries"]) },
        }),
  };
}
