import type { Clock } from "../../core/index.ts";
import {
  createPostgresStore,
  createSqliteStore,
  describePlace,
  isCopyUnfinished,
  parsePostgresUrl,
  readPostgresStatus,
  readSqliteStatus,
  type PostgresPlace,
  type Store,
} from "../../store/index.ts";
import type { DatabaseSection, PostgresqlSettings } from "../config/index.ts";

/**
 * Opens the database of the configuration and brings its schema up to date.
 * @throws StoreError that says what to do.
 */
export async function openStore({ type, path, postgresql }: DatabaseSection, clock: Clock): Promise<Store> {
  if (type === "sqlite" || postgresql === undefined) return await createSqliteStore({ path, clock });
  const place = postgresPlace(postgresql);
  const store = await createPostgresStore({ place, clock, pool: postgresql.pool });
  if (!(await isCopyUnfinished(store))) return store;
  await store.close();
  throw new Error(
    `A copy into the database ${describePlace(place)} was broken off. Repeat it, with the configuration of the old database: tokligence db copy --to URL (if it was a backup: tokligence restore FILE)`,
  );
}

/** Whether a start would change the database's schema. @throws StoreError that says what to do. */
export async function needsMigration({ type, path, postgresql }: DatabaseSection): Promise<boolean> {
  const isSqlite = type === "sqlite" || postgresql === undefined;
  const { pending } = isSqlite ? readSqliteStatus(path) : await readPostgresStatus(postgresPlace(postgresql));
  return pending.length > 0;
}

/** For messages and logs: the file, or the database's name and server. */
export function describeDatabase({ path, postgresql }: DatabaseSection): string {
  return postgresql === undefined ? path : describePlace(postgresPlace(postgresql));
}

export function postgresPlace(settings: PostgresqlSettings): PostgresPlace {
  const { url, host, port, database, username, password, tls } = settings;
  if (url !== undefined) return parsePostgresUrl(url, tls);
  return { host, port, database, username, ...(password === undefined ? {} : { password }), ...(tls === undefined ? {} : { tls }) };
}
