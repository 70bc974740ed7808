import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { withoutPostgres } from "../../tests/testbed/shared-postgres.ts";
import { systemClock } from "../core/index.ts";
import { copiedTables, copyStore, isCopyUnfinished } from "./copy-store.ts";
import { usageRow } from "./store-testing.ts";
import { makePostgres } from "./postgres/testing.ts";
import { createSqliteStore } from "./sqlite/store.ts";
import type { Tables } from "./tables.ts";
import type { SqlValue, Store } from "./types.ts";

const usageColumns =
  "request_id attempt time_ms duration_ms ttft_ms user_id key_id dialect provider model_asked model_served input_tokens direction status usage_source cost_nano_usd http_status".split(
    " ",
  );

/** Fills every table with rows, some with more rows than a page. */
async function fill(store: Store): Promise<void> {
  const put = (table: keyof Tables, columns: string, ...rows: SqlValue[][]): Promise<number> =>
    store.insertRows(table, columns.split(" "), rows);
  const entries = Array.from({ length: 2501 }, (_, i) =>
    usageRow(`req_${i}`, i % 3, Date.UTC(2025, i % 3, 1 + (i % 28)), i % 7 === 0 ? null : BigInt(i) ** 4n),
  );
  await store.insertRows("usage_entries", usageColumns, [
    ...entries,
    usageRow("req_max", 1, 0, 9_223_372_036_854_775_807n),
    usageRow("req_min", 1, 0, -9n),
  ]);
  await put("users", "id username email role created_ms", ["usr_1", "Ann", null, "admin", 1], ["usr_2", "bob", "b@x", "user", 2]);
  await put("api_keys", "id user_id role hash prefix created_ms models", ["key_1", "usr_2", "user", "h", "p", 3, '["gpt-*"]']);
  await put(
    "budgets",
    "id subject subject_id period stop_nano_usd created_ms",
    ["bud_1", "user", "usr_2", "day", 5n, 1],
    ["bud_2", "user", "usr_2", "total", null, 1],
  );
  await put("budget_periods", "budget_id start_ms spent_nano_usd held_nano_usd", ["bud_1", 0, 7n, 2n], ["bud_1", 86_400_000, 1n, 0n]);
  await put("budget_holds", "request_id budget_id start_ms amount_nano_usd expires_ms", ["req_x", "bud_1", 0, 2n, 9]);
  const responses = Array.from({ length: 45 }, (_, i): SqlValue[] => [
    `resp_${i}`,
    "usr_1",
    "openai",
    "k",
    "m",
    i,
    10,
    "[]",
    '{"a":"\u00e9\u{1f600}"}',
  ]);
  await put("stored_responses", "id user_id provider provider_key model created_ms size_chars input response", ...responses);
  await put("installation_keys", "id secret created_ms", [1, "c2VjcmV0", 4]);
  await put("kept_proofs", "user_id call_key sealed created_ms", ["usr_1", "call_1", "sealed", 5]);
  await put(
    "context_caches",
    "prefix key_id name tokens expires_ms",
    ["p", "key_1", "cachedContents/1", 5000, 9],
    ["q", "key_1", null, null, 9],
  );
  await put("journal_checkpoints", "journal seq time_ms", ["j1", Number.MAX_SAFE_INTEGER, 6]);
  const sums =
    "requests attempts errors input_tokens output_tokens cache_read_tokens cache_write_tokens reasoning_tokens whole_usd rest_nano_usd unpriced";
  const counts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10n, 11];
  await put(
    "usage_sums",
    `span start_ms user_id key_id provider model dialect ${sums}`,
    ["hour", 0, "usr_1", "k", "p", "m", "d", ...counts],
    ["day", 0, "usr_1", "k", "p", "m", "d", ...counts],
  );
  await put("usage_tag_sums", `span start_ms tag user_id ${sums}`, ["day", 0, "team", "usr_1", ...counts]);
  await put("usage_tags", "tag", ["team"]);
  await put("entry_bodies", "request_id attempt time_ms request request_truncated answer answer_truncated", [
    "req_1",
    1,
    5,
    "{\u00e9\u{1f600}",
    1,
    null,
    0,
  ]);
  await store.db.updateTable("retention").set({ deletable_before_ms: 77 }).execute();
  for (let i = 0; i < 3; i++) await store.bumpRevision();
}

/** All rows of all tables, in an order that does not depend on a collation. */
async function contents(store: Store): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {};
  for (const table of copiedTables) {
    const { rows } = await sql<Record<string, SqlValue>>`select * from ${sql.table(table)}`.execute(store.db);
    all[table] = rows
      .map((row) =>
        JSON.stringify(
          Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)),
          (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value),
        ),
      )
      .toSorted();
  }
  return all;
}

async function withBoth(body: (from: Store, to: Store, again: () => Promise<Store>) => Promise<void>): Promise<void> {
  const from = await createSqliteStore({ path: ":memory:", clock: systemClock });
  const under = await makePostgres();
  try {
    await fill(from);
    await body(from, await under.open(), under.open);
  } finally {
    await from.close();
    await under.cleanUp();
  }
}

describe("copying a store", () => {
  it("knows every table of the schema", async () => {
    const store = await createSqliteStore({ path: ":memory:", clock: systemClock });
    const { rows } = await sql<{ name: string }>`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`.execute(
      store.db,
    );
    await store.close();
    const own = ["schema_migrations", "audit_pending", "audit_state"];
    assert.deepStrictEqual([...copiedTables, ...own].toSorted(), rows.map(({ name }) => name).toSorted());
  });
});

describe("copying SQLite to PostgreSQL", { skip: withoutPostgres }, () => {
  it("copies every row unchanged, and the target can be used afterwards", () =>
    withBoth(async (from, to) => {
      const { rows } = await copyStore(from, to);
      const there = await contents(from);
      assert.deepStrictEqual(await contents(to), there);
      assert.deepStrictEqual(rows, Object.fromEntries(Object.entries(there).map(([table, all]) => [table, all.length])));
      assert.equal(await isCopyUnfinished(to), false);
    }));

  it("usage that is in the audit trail does not wait for it again; the rest waits in its order", () =>
    withBoth(async (from, to) => {
      const taken = 1402;
      await from.db.updateTable("audit_state").set({ value: taken }).where("name", "=", "usage").execute();
      await from.db.insertInto("audit_state").values({ name: "retention", value: 77 }).execute();
      await copyStore(from, to);
      const { rows } = await sql<{ request_id: string; attempt: number }>`
        select request_id, attempt from usage_entries where rowid > ${taken} order by rowid`.execute(from.db);
      const waiting = await to.db.selectFrom("audit_pending").select(["request_id", "attempt"]).orderBy("id").execute();
      assert.deepStrictEqual([waiting.length, waiting], [2503 - taken, rows.map((row) => ({ ...row }))]);
      const states = await to.db.selectFrom("audit_state").selectAll().execute();
      assert.deepStrictEqual(states, [{ name: "retention", value: 77 }]);
    }));

  it("an interrupted copy stays marked, and continues when it is called again", () =>
    withBoth(async (from, to) => {
      for (const broken of ["usage_entries", "stored_responses", "revisions"]) {
        const onTable = (table: string): void => {
          if (table === broken) throw new Error("the plug was pulled");
        };
        const copying = copyStore(from, to, { onTable });
        await assert.rejects(copying, /plug/);
        assert.deepStrictEqual([broken, await isCopyUnfinished(to), (await contents(to))["users"]], [broken, true, []]);
      }
      await copyStore(from, to);
      assert.deepStrictEqual([await isCopyUnfinished(to), await contents(to)], [false, await contents(from)]);
    }));

  it("refuses a target that has data of its own, also one with a finished copy", () =>
    withBoth(async (from, to) => {
      await to.insertRows("installation_keys", ["id", "secret", "created_ms"], [[1, "own", 1]]);
      const before = await contents(to);
      await assert.rejects(copyStore(from, to), {
        name: "StoreError",
        message: "The database to copy to holds data already (in installation_keys); nothing was changed. Name an empty one.",
      });
      assert.deepStrictEqual(await contents(to), before);
      await to.db.deleteFrom("installation_keys").execute();
      await copyStore(from, to);
      await assert.rejects(copyStore(from, to), /holds data already \(in users\)/);
    }));

  it("finds a difference, and the copy stays marked", () =>
    withBoth(async (from, to) => {
      const copying = copyStore(from, {
        ...to,
        insertRows: (table, columns, rows, transaction) => {
          const wrong = rows.map((row) => row.map((value, i) => (columns[i] === "spent_nano_usd" ? 8n : value)));
          return to.insertRows(table, columns, wrong, transaction);
        },
      });
      await assert.rejects(copying, {
        name: "StoreError",
        message: /^The copy of budget_periods differs: spent_nano_usd_rest is 8, and 16 in the copy\. The copy cannot be used/,
      });
      assert.equal(await isCopyUnfinished(to), true);
    }));
});
