import { sql, type Kysely, type RawBuilder, type Transaction } from "kysely";
import type { Store, Tables } from "../store/index.ts";
import { appendEntries, gatewayEntry } from "./append.ts";
import { leafHash, merkleRoot } from "./merkle.ts";

/** Usage entries of one batch. */
const batchRows = 250;

/** A row of `usage_entries` as its database returns it. */
export type UsageRecord = Readonly<Record<string, unknown>>;

/**
 * The row as it is hashed: its columns that are not null, by name. So a column that a later version adds does not change it.
 */
export function usageText(row: UsageRecord): string {
  let text = "";
  for (const name of Object.keys(row).toSorted(compareNames)) {
    const value = row[name];
    if (value === null || name === "rowid") continue;
    text += `${text === "" ? "" : ","}["${name}",${typeof value === "bigint" ? `"${value}"` : JSON.stringify(value)}]`;
  }
  return `[${text}]`;
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : 1;
}

interface KeyedRecord extends UsageRecord {
  readonly request_id: string;
  readonly attempt: number;
}

/** Notes in the trail up to which time usage entries may be deleted, when that has changed. */
export async function noteRetention(store: Store, nowMs: number): Promise<void> {
  const { markMs, known } = await readMarks(store.db);
  if (markMs <= known) return;
  await store.db.transaction().execute(async (transaction) => {
    const entry = { ...gatewayEntry("usage.retention", { deletable_before_ms: markMs }, "retention"), timeMs: nowMs };
    await appendEntries(store, transaction, [entry]);
    await transaction.deleteFrom("audit_state").where("name", "=", "retention").execute();
    await transaction.insertInto("audit_state").values({ name: "retention", value: markMs }).execute();
  });
}

async function readMarks(db: Kysely<Tables>): Promise<{ readonly markMs: number; readonly known: number }> {
  const mark = await db.selectFrom("retention").select("deletable_before_ms").where("name", "=", "usage_entries").executeTakeFirst();
  const state = await db.selectFrom("audit_state").select("value").where("name", "=", "retention").executeTakeFirst();
  return { markMs: mark?.deletable_before_ms ?? 0, known: state?.value ?? 0 };
}

/** A usage entry that is not in the trail yet. */
interface Pending {
  readonly request_id: string;
  readonly attempt: number;
  /** As it is hashed. */
  readonly text: string;
}

interface Found {
  readonly rows: readonly Pending[];
  /** Marks them as taken. */
  readonly take: () => Promise<unknown>;
  readonly isFull: boolean;
}

/** Takes the next usage entries into the trail. @returns whether there may be more. */
export async function sealUsage(store: Store, nowMs: number): Promise<boolean> {
  return await store.db.transaction().execute(async (transaction) => {
    const { rows, take, isFull } = await (store.dialect === "sqlite" ? findByRowId(transaction) : findPending(transaction));
    if (rows.length > 0) await append(store, transaction, rows, nowMs);
    await take();
    return isFull;
  });
}

async function append(store: Store, transaction: Transaction<Tables>, rows: readonly Pending[], nowMs: number): Promise<void> {
  const root = merkleRoot(rows.map(({ text }) => leafHash(text)));
  const entry = { ...gatewayEntry("usage.batch", { count: rows.length, root }, "usage"), timeMs: nowMs };
  const [chained] = await appendEntries(store, transaction, [entry]);
  const members = JSON.stringify(rows.map(({ request_id: id, attempt }) => [id, attempt]));
  await transaction.insertInto("audit_batches").values({ seq: chained!.seq, members }).execute();
}

async function findByRowId(transaction: Transaction<Tables>): Promise<Found> {
  const state = await transaction.selectFrom("audit_state").select("value").where("name", "=", "usage").executeTakeFirst();
  const rows = await readTexts(transaction, state?.value ?? 0);
  const last = rows.at(-1)?.rowid;
  return {
    rows,
    isFull: rows.length === batchRows,
    take: async () => {
      if (last !== undefined) await transaction.updateTable("audit_state").set({ value: last }).where("name", "=", "usage").execute();
    },
  };
}

/** The database writes the text of `usageText` itself: objects of all columns cost four times as much, on the thread that serves. */
async function readTexts(transaction: Transaction<Tables>, afterRowId: number): Promise<readonly (Pending & { readonly rowid: number })[]> {
  const info = await sql<{ readonly name: string }>`select name from pragma_table_info('usage_entries')`.execute(transaction);
  const pairs = info.rows.toSorted((a, b) => compareNames(a.name, b.name)).map(({ name }) => pairIn(name));
  const { rows } = await sql<Pending & { readonly rowid: number }>`
    select rowid, request_id, attempt, '[' || substr(${sql.join(pairs, sql` || `)}, 2) || ']' as text
    from usage_entries where rowid > ${afterRowId} order by rowid limit ${batchRows}`.execute(transaction);
  return rows;
}

/** `,["NAME",VALUE]` of a column, as `usageText` writes it; nothing for null. Money is a text, as it is exact to 64 bits. */
function pairIn(name: string): RawBuilder<string> {
  const column = sql.ref(name);
  const value = name.endsWith("_nano_usd") ? sql`json_quote(cast(${column} as text))` : sql`json_quote(${column})`;
  return sql`iif(${column} is null, '', ${sql.lit(`,["${name}",`)} || ${value} || ']')`;
}

async function findPending(transaction: Transaction<Tables>): Promise<Found> {
  const pending = await transaction.selectFrom("audit_pending").selectAll().orderBy("id").limit(batchRows).execute();
  const last = pending.at(-1)?.id;
  return {
    rows: (await readRows(transaction, pending)).map((row) => ({ ...row, text: usageText(row) })),
    isFull: pending.length === batchRows,
    take: async () => {
      if (last !== undefined) await transaction.deleteFrom("audit_pending").where("id", "<=", last).execute();
    },
  };
}

/** The usage entries with these keys, in their order; those that are not there are left out. */
export async function readRows(
  db: Kysely<Tables>,
  keys: readonly { readonly request_id: string; readonly attempt: number }[],
): Promise<readonly KeyedRecord[]> {
  if (keys.length === 0) return [];
  const found = await db
    .selectFrom("usage_entries")
    .selectAll()
    .where(
      "request_id",
      "in",
      keys.map(({ request_id: id }) => id),
    )
    .execute();
  const byKey = new Map(found.map((row) => [`${row.request_id} ${row.attempt}`, row]));
  return keys.flatMap(({ request_id: id, attempt }): KeyedRecord[] => {
    const row = byKey.get(`${id} ${attempt}`);
    return row === undefined ? [] : [{ ...row }];
  });
}
