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
  readonly time_ms: number | bigint;
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

/** Usage entries that are not in the trail yet. */
interface Found {
  readonly count: number;
  /** Of the Merkle tree, one for each entry, in order. */
  readonly leaves: readonly string[];
  /** JSON: the keys of the entries and their times, `[[REQUEST_ID, ATTEMPT, TIME_MS], …]`. */
  readonly members: string;
}

/** Takes the next usage entries into the trail. @returns whether there may be more. */
export function sealUsage(store: Store, nowMs: number): Promise<boolean> {
  return store.dialect === "sqlite" ? sealByRowId(store, nowMs) : sealPending(store, nowMs);
}

async function append(store: Store, transaction: Transaction<Tables>, { count, leaves, members }: Found, nowMs: number): Promise<void> {
  const entry = { ...gatewayEntry("usage.batch", { count, root: merkleRoot(leaves) }, "usage"), timeMs: nowMs };
  const [chained] = await appendEntries(store, transaction, [entry]);
  await transaction.insertInto("audit_batches").values({ seq: chained!.seq, members }).execute();
}

interface PlacedRows extends Found {
  readonly lastRowId: number;
}

/** More entries than these are read and hashed in the reader's thread, as the serving thread should not stop for more than a millisecond. */
const fewRows = 50;

async function sealByRowId(store: Store, nowMs: number): Promise<boolean> {
  const afterRowId = await readPlace(store.db);
  const { last } = await store.db
    .selectFrom("usage_entries")
    .select(sql<number | null>`max(rowid)`.as("last"))
    .executeTakeFirstOrThrow();
  const waiting = (last ?? 0) - afterRowId;
  if (waiting <= 0) return false;
  const found = await readByRowId(waiting > fewRows ? store.reader : store.db, afterRowId);
  if (found === undefined) return false;
  return await store.db.transaction().execute(async (transaction) => {
    // Another process has taken them meanwhile.
    if ((await readPlace(transaction)) !== afterRowId) return true;
    // Retention has deleted them meanwhile: other entries may have their places now.
    if (!(await isStillThere(transaction, found))) return true;
    await append(store, transaction, found, nowMs);
    await transaction.updateTable("audit_state").set({ value: found.lastRowId }).where("name", "=", "usage").execute();
    return found.count === batchRows;
  });
}

/** Whether the last of the entries is where it was: then no other has taken the place of one of them. */
async function isStillThere(db: Kysely<Tables>, { lastRowId, members }: PlacedRows): Promise<boolean> {
  const { rows } = await sql<{ readonly isThere: number }>`
    select count(*) as isThere from usage_entries
    where rowid = ${lastRowId} and json_array(request_id, attempt, time_ms) = json_extract(${members}, '$[#-1]')`.execute(db);
  return rows[0]!.isThere === 1;
}

async function readPlace(db: Kysely<Tables>): Promise<number> {
  const state = await db.selectFrom("audit_state").select("value").where("name", "=", "usage").executeTakeFirst();
  return state?.value ?? 0;
}

/** SQLite itself writes the texts of `usageText` and hashes them: objects of all columns cost four times as much. */
async function readByRowId(db: Kysely<Tables>, afterRowId: number): Promise<PlacedRows | undefined> {
  const info = await sql<{ readonly name: string }>`select name from pragma_table_info('usage_entries')`.execute(db);
  const pairs = info.rows.toSorted((a, b) => compareNames(a.name, b.name)).map(({ name }) => pairIn(name));
  const { rows } = await sql<{ readonly count: number; readonly last: number; readonly hashes: string; readonly members: string }>`
    select count(*) as count, max(rowid) as last, group_concat(leaf, '') as hashes, json_group_array(json_array(request_id, attempt, time_ms)) as members
    from (
      select rowid, request_id, attempt, time_ms, sha256(cast(x'00' || '[' || substr(${sql.join(pairs, sql` || `)}, 2) || ']' as blob)) as leaf
      from usage_entries where rowid > ${afterRowId} order by rowid limit ${batchRows}
    )`.execute(db);
  const { count, last, hashes, members } = rows[0]!;
  if (count === 0) return undefined;
  const leaves = Array.from({ length: count }, (_, at) => hashes.slice(at * hashLength, (at + 1) * hashLength));
  return { count, leaves, members, lastRowId: last };
}

/** Hex digits of a SHA-256. */
const hashLength = 64;

/** `,["NAME",VALUE]` of a column, as `usageText` writes it; nothing for null. Money is a text, as it is exact to 64 bits. */
function pairIn(name: string): RawBuilder<string> {
  const column = sql.ref(name);
  const value = name.endsWith("_nano_usd") ? sql`json_quote(cast(${column} as text))` : sql`json_quote(${column})`;
  return sql`iif(${column} is null, '', ${sql.lit(`,["${name}",`)} || ${value} || ']')`;
}

function sealPending(store: Store, nowMs: number): Promise<boolean> {
  return store.db.transaction().execute(async (transaction) => {
    const pending = await transaction.selectFrom("audit_pending").selectAll().orderBy("id").limit(batchRows).execute();
    const rows = await readRows(transaction, pending);
    if (rows.length > 0) {
      const leaves = rows.map((row) => leafHash(usageText(row)));
      const members = JSON.stringify(rows.map(({ request_id: id, attempt, time_ms: timeMs }) => [id, attempt, Number(timeMs)]));
      await append(store, transaction, { count: rows.length, leaves, members }, nowMs);
    }
    const last = pending.at(-1)?.id;
    if (last !== undefined) await transaction.deleteFrom("audit_pending").where("id", "<=", last).execute();
    return pending.length === batchRows;
  });
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
