import { sql, type Kysely, type RawBuilder } from "kysely";
import { StoreError } from "./store-error.ts";
import type { Tables } from "./tables.ts";
import type { SqlValue, Store } from "./types.ts";

export type TableName = Exclude<keyof Tables, "schema_migrations">;

interface CopiedTable {
  readonly name: TableName;
  /** The columns of the primary key; pages are read in this order. */
  readonly key: readonly string[];
  /** Sums that are compared beside the number of rows; whole numbers. */
  readonly sums?: Readonly<Record<string, string>>;
  /** Rows per page; fewer for tables whose rows may have megabytes. */
  readonly page?: number;
}

const money = (column: string): Record<string, string> => ({
  [`${column}_whole`]: `${column} / 1000000000`,
  [`${column}_rest`]: `${column} % 1000000000`,
});

/** The largest table, whose rows never change. It is copied page by page, each page in its own transaction. */
const usageEntries: CopiedTable = {
  name: "usage_entries",
  key: ["request_id", "attempt"],
  sums: { minutes: "time_ms / 60000", input: "input_tokens", output: "output_tokens", ...money("cost_nano_usd") },
};

/** All other tables. A table comes after the tables that its rows refer to. */
const otherTables: readonly CopiedTable[] = [
  { name: "users", key: ["id"] },
  { name: "api_keys", key: ["id"] },
  { name: "sessions", key: ["id"] },
  { name: "identities", key: ["issuer", "subject"] },
  { name: "used_sign_ins", key: ["id"] },
  { name: "budgets", key: ["id"], sums: money("stop_nano_usd") },
  { name: "budget_periods", key: ["budget_id", "start_ms"], sums: { ...money("spent_nano_usd"), ...money("held_nano_usd") } },
  { name: "budget_holds", key: ["request_id", "budget_id"], sums: money("amount_nano_usd") },
  { name: "limits", key: ["subject", "subject_id"], sums: { requests: "requests_per_minute" } },
  { name: "limit_levels", key: ["name"] },
  { name: "limit_slots", key: ["name", "node"] },
  { name: "stored_responses", key: ["id"], sums: { size: "size_chars" }, page: 20 },
  { name: "installation_keys", key: ["id"] },
  { name: "kept_proofs", key: ["user_id", "call_key"], page: 100 },
  { name: "context_caches", key: ["prefix"], sums: { tokens: "tokens" } },
  { name: "journal_checkpoints", key: ["journal"], sums: { seq: "seq % 1000000007" } },
  {
    name: "usage_sums",
    key: ["span", "start_ms", "user_id", "key_id", "provider", "model", "dialect"],
    sums: { attempts: "attempts", usd: "whole_usd", rest: "rest_nano_usd / 1000" },
  },
  { name: "usage_tag_sums", key: ["span", "start_ms", "tag", "user_id"], sums: { attempts: "attempts", usd: "whole_usd" } },
  { name: "usage_tags", key: ["tag"] },
  {
    name: "usage_unit_sums",
    key: ["span", "start_ms", "user_id", "key_id", "provider", "model", "dialect", "unit"],
    sums: { count: "count" },
  },
  { name: "entry_bodies", key: ["request_id", "attempt"], sums: { size: "length(request)" }, page: 20 },
  { name: "alerts_raised", key: ["name"] },
  { name: "market_keys", key: ["kid"] },
  { name: "market_nodes", key: ["node"], sums: money("limit_nano_usd") },
  { name: "market_invites", key: ["id"] },
  { name: "market_shares", key: ["model"] },
  { name: "market_accounts", key: ["owner"], sums: { ...money("balance_nano_usd"), ...money("held_nano_usd") } },
  { name: "market_leases", key: ["id"], sums: money("paid_nano_usd") },
  { name: "market_transfers", key: ["key", "leg"], sums: money("amount_nano_usd") },
  { name: "market_sales", key: ["lease", "seq"], sums: money("cost_nano_usd") },
  { name: "market_trades", key: ["lease", "seq"], sums: money("cost_nano_usd") },
  { name: "market_statements", key: ["clearing"], sums: money("balance_nano_usd") },
  { name: "market_avoided", key: ["node"] },
  { name: "market_uptime", key: ["name"] },
  { name: "market_bought", key: ["lease"] },
  { name: "market_policies", key: ["model"] },
  { name: "market_scores", key: ["node", "model"] },
  { name: "market_gate", key: ["id"] },
  { name: "market_relays", key: ["node"] },
  { name: "market_verdicts", key: ["lease", "seq"] },
  { name: "market_exchange", key: ["id"] },
  { name: "market_offers", key: ["hash"] },
  { name: "market_served", key: ["id"] },
  { name: "market_deposits", key: ["id"] },
  { name: "audit_entries", key: ["seq"], sums: { times: "time_ms / 60000" } },
  { name: "audit_checkpoints", key: ["number"], sums: { seq: "seq" } },
  { name: "audit_batches", key: ["seq"], sums: { size: "length(members)" }, page: 20 },
  { name: "performance_hours", key: ["start_ms", "provider", "model", "region"], sums: { size: "length(counts)" }, page: 100 },
  { name: "performance_changes", key: ["id"], sums: { found: "found_ms / 60000" } },
  { name: "canary_turns", key: ["provider", "model"], sums: { turns: "turn" } },
  { name: "canary_answers", key: ["request_id"], sums: { times: "time_ms / 60000" } },
  { name: "retention", key: ["name"], sums: { mark: "deletable_before_ms" } },
  { name: "revisions", key: ["name"], sums: { value: "value" } },
];

/**
 * All tables that are copied row by row: every table of the schema except the record of its migrations, and what says which usage entries are in the audit trail
 * already, as that is about places in one database (`copyAuditState`).
 */
export const copiedTables: readonly TableName[] = [usageEntries, ...otherTables].map(({ name }) => name);

/** The columns of a table's primary key. */
export function keyOf(name: TableName): readonly string[] {
  return [usageEntries, ...otherTables].find((table) => table.name === name)!.key;
}

/** The row of `revisions` that marks a target whose copy has begun and has not ended. */
const mark = "copy";

export interface CopyResult {
  /** Number of rows by table, the same in both databases. */
  readonly rows: Readonly<Record<string, number>>;
}

/** What a copy reports while it runs. */
export interface CopyWatch {
  /** More rows are copied. */
  readonly onRows?: (rows: number) => void;
  /** All rows of a table are copied. */
  readonly onTable?: (table: string) => void;
}

/**
 * Copies everything into another database: usage entries page by page, then all other tables in one transaction. At its end the transaction compares
 * the counts and sums of both databases. Call it again to continue an interrupted copy. No other process may write to either database meanwhile.
 * @throws StoreError `unwritable` if the target has data of its own; `damaged` if the comparison finds a difference.
 */
export async function copyStore(from: Store, to: Store, watch: CopyWatch = {}): Promise<CopyResult> {
  await claimForCopy(to);
  const rows: Record<string, number> = {};
  const copy = async (table: CopiedTable, transaction?: Kysely<Tables>): Promise<void> => {
    let count = 0;
    for await (const page of pagesOf(from, table)) {
      const columns = Object.keys(page[0]!);
      await to.insertRows(
        table.name,
        columns,
        page.map((row) => columns.map((column) => row[column]!)),
        transaction,
      );
      count += page.length;
      watch.onRows?.(page.length);
    }
    rows[table.name] = count;
    watch.onTable?.(table.name);
  };
  await copy(usageEntries);
  await to.db.transaction().execute(async (transaction) => {
    for (const { name } of otherTables.toReversed()) await sql`delete from ${sql.table(name)}`.execute(transaction);
    for (const table of otherTables) await copy(table, transaction);
    await copyAuditState(from, transaction);
    for (const table of [usageEntries, ...otherTables]) await compare(table, from.db, transaction);
  });
  return { rows };
}

/**
 * Usage entries that are in the audit trail do not enter it again: of those that PostgreSQL has noted as they were copied, only what the SQLite database has not
 * taken in yet waits (`audit/seal-usage.ts`).
 */
async function copyAuditState({ db }: Store, to: Kysely<Tables>): Promise<void> {
  const states = await db.selectFrom("audit_state").selectAll().execute();
  await sql`delete from audit_pending`.execute(to);
  let last = states.find(({ name }) => name === "usage")?.value ?? 0;
  for (;;) {
    const { rows } = await sql<{ readonly rowid: number; readonly request_id: string; readonly attempt: number }>`
      select rowid, request_id, attempt from usage_entries where rowid > ${last} order by rowid limit 1000`.execute(db);
    if (rows.length === 0) break;
    await to
      .insertInto("audit_pending")
      .values(rows.map(({ request_id, attempt }) => ({ request_id, attempt })))
      .execute();
    last = rows.at(-1)!.rowid;
  }
  const others = states.filter(({ name }) => name !== "usage");
  await sql`delete from audit_state`.execute(to);
  if (others.length > 0) await to.insertInto("audit_state").values(others).execute();
}

/** Whether a copy into this database has begun and has not ended. Such a database must not be used. */
export async function isCopyUnfinished(store: Pick<Store, "db">): Promise<boolean> {
  return (await store.db.selectFrom("revisions").select("name").where("name", "=", mark).executeTakeFirst()) !== undefined;
}

/** Marks the target. Copying `revisions` removes the mark, in the transaction that ends the copy. @throws StoreError if it has data. */
export async function claimForCopy(to: Store): Promise<void> {
  if (await isCopyUnfinished(to)) return;
  for (const table of ["users", "usage_entries", "budgets", "stored_responses", "installation_keys"] as const) {
    if (
      (
        await to.db
          .selectFrom(table)
          .select(sql`1`.as("found"))
          .limit(1)
          .execute()
      ).length === 0
    )
      continue;
    throw new StoreError("unwritable", `The database to copy to holds data already (in ${table}); nothing was changed. Name an empty one.`);
  }
  await to.insertRows("revisions", ["name", "value"], [[mark, 1]]);
}

async function* pagesOf({ db }: Store, { name, key, page = 1000 }: CopiedTable): AsyncGenerator<Record<string, SqlValue>[]> {
  const columns = sql.join(key.map((column) => sql.ref(column)));
  let after: RawBuilder<unknown> = sql``;
  for (;;) {
    const { rows } = await sql<
      Record<string, SqlValue>
    >`select * from ${sql.table(name)} ${after} order by ${columns} limit ${page}`.execute(db);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = sql`where (${columns}) > (${sql.join(key.map((column) => last[column]))})`;
  }
}

async function compare(table: CopiedTable, from: Kysely<Tables>, to: Kysely<Tables>): Promise<void> {
  const [there, here] = [await sumUp(table, from), await sumUp(table, to)];
  for (const [what, value] of Object.entries(there)) {
    if (value === here[what]) continue;
    throw new StoreError(
      "damaged",
      `The copy of ${table.name} differs: ${what} is ${value}, and ${here[what]} in the copy. The copy cannot be used: drop that database, make it anew, and copy again while no gateway runs.`,
    );
  }
}

/** As text, because a sum may have more digits than a number can. */
async function sumUp({ name, sums = {} }: CopiedTable, db: Kysely<Tables>): Promise<Record<string, string>> {
  const expressions = Object.entries({ rows: "1", ...sums }).map(
    ([as, of]) => sql`cast(coalesce(sum(${sql.raw(of)}), 0) as text) as ${sql.ref(as)}`,
  );
  const { rows } = await sql<Record<string, string>>`select ${sql.join(expressions)} from ${sql.table(name)}`.execute(db);
  return rows[0]!;
}
