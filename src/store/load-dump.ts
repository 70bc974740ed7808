import { sql, type Kysely } from "kysely";
import { claimForCopy, copiedTables } from "./copy-store.ts";
import type { DumpPage } from "./dump.ts";
import { markAllSealed } from "./sealed-place.ts";
import { StoreError } from "./store-error.ts";
import type { Tables } from "./tables.ts";
import type { Store } from "./types.ts";

/**
 * Writes a dump into a database whose schema has the dump's version and which has no data. Until it has ended, `isCopyUnfinished` says so.
 * @returns the number of rows by table. @throws StoreError if the database has data already, or a row of the dump could not be written.
 */
export async function loadDump(
  store: Store,
  pages: AsyncIterable<DumpPage>,
  onRows: (rows: number) => void = () => {},
): Promise<Readonly<Record<string, number>>> {
  await claimForCopy(store);
  const counts: Record<string, number> = {};
  const insert = async ({ table, columns, rows }: DumpPage, transaction?: Kysely<Tables>): Promise<void> => {
    await store.insertRows(table, columns, rows, transaction);
    counts[table] = (counts[table] ?? 0) + rows.length;
    onRows(rows.length);
  };
  const iterator = pages[Symbol.asyncIterator]();
  let next = await iterator.next();
  // Usage entries come first, each page in a transaction of its own: there may be millions.
  let isMarked = false;
  for (; next.done !== true && next.value.table === "usage_entries"; next = await iterator.next()) {
    if (next.value.sealed !== true && !isMarked) {
      await markSealed(store);
      isMarked = true;
    }
    await insert(next.value);
  }
  if (!isMarked) await markSealed(store);
  const present = await presentTables(store);
  await store.db.transaction().execute(async (transaction) => {
    // Migrations write rows of their own.
    for (const table of [...present].toReversed()) {
      if (table !== "usage_entries") await sql`delete from ${sql.table(table)}`.execute(transaction);
    }
    for (; next.done !== true; next = await iterator.next()) await insert(next.value, transaction);
    for (const table of present) await checkCount(table, counts[table] ?? 0, transaction);
  });
  return counts;
}

/** The usage entries that are there now are in the audit trail already. */
async function markSealed({ db, dialect }: Store): Promise<void> {
  if (dialect === "postgresql") {
    await sql`delete from audit_pending`.execute(db);
    return;
  }
  await markAllSealed(db);
}

async function presentTables({ db, dialect }: Store): Promise<readonly string[]> {
  const { rows } = await (dialect === "sqlite"
    ? sql<{ name: string }>`select name from sqlite_schema where type = 'table'`.execute(db)
    : sql<{ name: string }>`select tablename as name from pg_catalog.pg_tables where schemaname = any (current_schemas(false))`.execute(
        db,
      ));
  const names = new Set(rows.map(({ name }) => name));
  return copiedTables.filter((table) => names.has(table));
}

async function checkCount(table: string, expected: number, db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(db);
  const found = rows[0]!.count;
  if (found === expected) return;
  throw new StoreError("damaged", `Of the ${expected} rows of ${table} in the backup ${found} are in the database: the backup is damaged.`);
}
