import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import type { SqlValue, Store } from "./types.ts";

/** One empty database for one test. */
export interface StoreUnderTest {
  /** Connects as another process would. The end of the test closes all connections. */
  readonly open: () => Promise<Store>;
  readonly cleanUp: () => Promise<void>;
}

export const usageColumns = [
  "request_id",
  "attempt",
  "time_ms",
  "duration_ms",
  "ttft_ms",
  "user_id",
  "key_id",
  "dialect",
  "provider",
  "model_asked",
  "model_served",
  "input_tokens",
  "direction",
  "status",
  "usage_source",
  "cost_nano_usd",
  "http_status",
] as const;

/** A usage row with its values in the order of `usageColumns`. */
export function usageRow(requestId: string, attempt = 1, timeMs = 1_700_000_000_000, cost: bigint | null = 5n): SqlValue[] {
  return [
    requestId,
    attempt,
    timeMs,
    12,
    null,
    "usr_1",
    "key_1",
    "openai-chat",
    "openai",
    "gpt",
    "gpt-1",
    3,
    "consume",
    "ok",
    "reported",
    cost,
    200,
  ];
}

/** The tests that every database must pass. `make` makes an empty database; `skip` says why none can be made here. */
export function describeStore(name: string, make: () => Promise<StoreUnderTest>, skip: string | false = false): void {
  const test = (title: string, body: (under: StoreUnderTest) => Promise<void>): void =>
    void it(title, { skip }, async () => {
      const under = await make();
      try {
        await body(under);
      } finally {
        await under.cleanUp();
      }
    });
  const insert = (store: Store, rows: SqlValue[][]): Promise<number> => store.insertRows("usage_entries", usageColumns, rows);
  const requestIds = async (store: Store): Promise<string[]> =>
    (await store.db.selectFrom("usage_entries").select("request_id").orderBy("time_ms").orderBy("request_id").execute()).map(
      (row) => row.request_id,
    );

  describe(`${name}: rows`, () => {
    test("a row is read as it was inserted, with null for absent columns", async ({ open }) => {
      const store = await open();
      assert.equal(await insert(store, [usageRow("req_1", 2, 1_700_000_000_123, 9_223_372_036_854_775_807n)]), 1);
      assert.deepStrictEqual(await store.db.selectFrom("usage_entries").selectAll().execute(), [
        {
          request_id: "req_1",
          attempt: 2,
          time_ms: 1_700_000_000_123,
          duration_ms: 12,
          ttft_ms: null,
          user_id: "usr_1",
          key_id: "key_1",
          dialect: "openai-chat",
          provider: "openai",
          model_asked: "gpt",
          model_served: "gpt-1",
          input_tokens: 3,
          output_tokens: null,
          cache_read_tokens: null,
          cache_write_5m_tokens: null,
          cache_write_1h_tokens: null,
          reasoning_tokens: null,
          direction: "consume",
          status: "ok",
          usage_source: "reported",
          cost_nano_usd: 9_223_372_036_854_775_807n,
          price_snapshot: null,
          http_status: 200,
          error_code: null,
          tags: null,
          client_request_id: null,
          attempt_reason: null,
          cache_savings_nano_usd: null,
          client_name: null,
          cost_lines: null,
          error_text: null,
          from_cache: null,
          bound_tags: null,
          firewall: null,
          lane: null,
          overhead_us: null,
          protocol: null,
          refused: null,
          region: null,
          service_class: null,
          stop_reason: null,
          stream: null,
          tool_calls: null,
          tool_calls_fit: null,
          tool_calls_parsed: null,
          units: null,
          upstream_model: null,
        },
      ]);
    });

    for (const count of [0, 1, 15, 16, 17, 100]) {
      test(`${count} rows are inserted in one call, and none of them twice`, async ({ open }) => {
        const store = await open();
        const ids = Array.from({ length: count }, (_, i) => `req_${String(i).padStart(3, "0")}`);
        const rows = ids.map((id, i) => usageRow(id, 1, 1_700_000_000_000 + i, BigInt(i)));
        assert.equal(await insert(store, rows), count);
        assert.equal(await insert(store, rows), 0);
        assert.deepStrictEqual(
          await store.db.selectFrom("usage_entries").select(["request_id", "time_ms", "cost_nano_usd"]).orderBy("time_ms").execute(),
          ids.map((id, i) => ({ request_id: id, time_ms: 1_700_000_000_000 + i, cost_nano_usd: BigInt(i) })),
        );
      });
    }

    test("rows that exist already, or come twice in one call, are skipped; the next attempt of the same request is inserted", async ({
      open,
    }) => {
      const store = await open();
      await insert(store, [usageRow("req_1", 1, 1, 1n)]);
      const rows = Array.from({ length: 40 }, (_, i) => usageRow("req_1", 1 + (i % 4), 1 + (i % 4), 7n));
      assert.equal(await insert(store, rows), 3);
      assert.deepStrictEqual(await store.db.selectFrom("usage_entries").select(["attempt", "cost_nano_usd"]).orderBy("attempt").execute(), [
        { attempt: 1, cost_nano_usd: 1n },
        { attempt: 2, cost_nano_usd: 7n },
        { attempt: 3, cost_nano_usd: 7n },
        { attempt: 4, cost_nano_usd: 7n },
      ]);
    });

    for (const bad of [3, 19, 39]) {
      test(`a row that the schema refuses at position ${bad} of 40 undoes the whole batch`, async ({ open }) => {
        const store = await open();
        const rows = Array.from({ length: 40 }, (_, i) => usageRow(`req_${i}`));
        rows[bad]![usageColumns.indexOf("user_id")] = null;
        await assert.rejects(insert(store, rows), /user_id/);
        assert.deepStrictEqual(await requestIds(store), []);
        assert.equal(await insert(store, [usageRow("req_after")]), 1);
      });
    }

    test("a row of the wrong length and an invalid column name are refused", async ({ open }) => {
      const store = await open();
      await assert.rejects(insert(store, [usageRow("req_1"), usageRow("req_2").slice(1)]), {
        name: "TypeError",
        message: "Row 1 has 16 values for 17 columns.",
      });
      await assert.rejects(store.insertRows("users", ["id) values (1); --"], [["x"]]), /is not a name of a table or column/);
      assert.deepStrictEqual(await requestIds(store), []);
    });

    test("rows inserted in a given transaction are committed or rolled back with it", async ({ open }) => {
      const store = await open();
      const kept = await store.db.transaction().execute(async (transaction) => {
        await store.bumpRevision(transaction);
        return store.insertRows("usage_entries", usageColumns, [usageRow("req_kept")], transaction);
      });
      assert.equal(kept, 1);
      await assert.rejects(
        store.db.transaction().execute(async (transaction) => {
          await store.bumpRevision(transaction);
          await store.insertRows("usage_entries", usageColumns, [usageRow("req_gone")], transaction);
          throw new Error("the caller changed its mind");
        }),
        /changed its mind/,
      );
      assert.deepStrictEqual([await requestIds(store), await store.readRevision()], [["req_kept"], 1]);
    });

    test("a refused batch in a given transaction inserts no row and leaves the transaction usable", async ({ open }) => {
      const store = await open();
      await store.db.transaction().execute(async (transaction) => {
        const bad = usageRow("req_bad");
        bad[usageColumns.indexOf("status")] = null;
        await assert.rejects(store.insertRows("usage_entries", usageColumns, [usageRow("req_before_bad"), bad], transaction), /status/);
        await store.insertRows("usage_entries", usageColumns, [usageRow("req_good")], transaction);
      });
      assert.deepStrictEqual(await requestIds(store), ["req_good"]);
    });
  });

  describe(`${name}: numbers`, () => {
    test("money is a bigint, in sums too; other integers are numbers", async ({ open }) => {
      const store = await open();
      await insert(store, [usageRow("req_1", 1, 1, 9_007_199_254_740_993n), usageRow("req_2", 1, 2, 2n), usageRow("req_3", 1, 3, null)]);
      const row = await store.db
        .selectFrom("usage_entries")
        .select((eb) => [eb.fn.countAll<number>().as("requests"), eb.fn.sum<bigint>("cost_nano_usd").as("cost_nano_usd")])
        .executeTakeFirstOrThrow();
      assert.deepStrictEqual(row, { requests: 3, cost_nano_usd: 9_007_199_254_740_995n });
    });

    test("a whole number in a query is divided as an integer", async ({ open }) => {
      const store = await open();
      await insert(store, [usageRow("req_1", 1, 7_200_001)]);
      const row = await store.db
        .selectFrom("usage_entries")
        .select(sql<number>`time_ms / ${3_600_000}`.as("hour"))
        .executeTakeFirstOrThrow();
      assert.deepStrictEqual(row, { hour: 2 });
    });

    test("an integer past 2^53 that is not money is an error, not a wrong number", async ({ open }) => {
      const store = await open();
      await insert(store, [usageRow("req_1", 1, 1, 9_007_199_254_740_993n)]);
      await assert.rejects(store.db.selectFrom("usage_entries").select("cost_nano_usd as cost").execute(), RangeError);
      await assert.rejects(store.db.selectFrom("usage_entries").select(["cost_nano_usd", "cost_nano_usd as cost"]).execute(), RangeError);
    });
  });

  describe(`${name}: append-only usage`, () => {
    test("a usage row cannot be changed, deleted or replaced", async ({ open }) => {
      const store = await open();
      await insert(store, [usageRow("req_1")]);
      await assert.rejects(store.db.updateTable("usage_entries").set({ status: "error" }).execute(), /append-only/);
      await assert.rejects(store.db.deleteFrom("usage_entries").execute(), /append-only/);
      if (store.dialect === "sqlite") {
        await assert.rejects(sql`replace into usage_entries select * from usage_entries`.execute(store.db), /append-only/);
      }
      assert.deepStrictEqual(await store.db.selectFrom("usage_entries").select(["request_id", "status"]).execute(), [
        { request_id: "req_1", status: "ok" },
      ]);
    });

    test("rows before the retention mark can be deleted, the row at the mark cannot", async ({ open }) => {
      const store = await open();
      await insert(store, [usageRow("req_1", 1, 999), usageRow("req_2", 1, 1000)]);
      await store.db.updateTable("retention").set({ deletable_before_ms: 1000 }).where("name", "=", "usage_entries").execute();
      await assert.rejects(store.db.deleteFrom("usage_entries").execute(), /append-only/);
      await store.db.deleteFrom("usage_entries").where("time_ms", "<", 1000).execute();
      assert.deepStrictEqual(await requestIds(store), ["req_2"]);
      await store.db.deleteFrom("retention").execute();
      await assert.rejects(store.db.deleteFrom("usage_entries").execute(), /append-only/);
    });
  });

  describe(`${name}: revisions and transactions`, () => {
    test("each change increases the revision by one, and another connection sees it", async ({ open }) => {
      const [one, other] = [await open(), await open()];
      const seen = [await other.readRevision()];
      await one.bumpRevision();
      seen.push(await other.readRevision());
      await Promise.all([one.bumpRevision(), other.bumpRevision()]);
      seen.push(await other.readRevision(), await one.readRevision());
      assert.deepStrictEqual(seen, [0, 1, 3, 3]);
    });

    test("queries of others wait for an open transaction and do not see its changes", async ({ open }) => {
      const store = await open();
      const held = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const transaction = store.db.transaction().execute(async (inside) => {
        await store.bumpRevision(inside);
        begun.resolve();
        await held.promise;
        throw new Error("rolled back");
      });
      await begun.promise;
      const others = Promise.all([store.readRevision(), insert(store, [usageRow("req_1")]), store.ping()]);
      held.resolve();
      await assert.rejects(transaction, /rolled back/);
      const [revision, added] = await others;
      assert.deepStrictEqual([revision, added], [0, 1]);
    });

    test("concurrent transactions lose no update", async ({ open }) => {
      const stores = [await open(), await open()];
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          stores[i % 2]!.db.transaction().execute(async (inside) => {
            const { value } = await inside.selectFrom("revisions").select("value").where("name", "=", "accounts").executeTakeFirstOrThrow();
            await inside
              .updateTable("revisions")
              .set({ value: value + 1 })
              .where("name", "=", "accounts")
              .execute();
          }),
        ),
      );
      assert.equal(await stores[0]!.readRevision(), 20);
    });

    test("a name is unique regardless of case, and a key's user must exist", async ({ open }) => {
      const store = await open();
      const user = { id: "usr_1", username: "Alice", email: null, role: "user" as const, created_ms: 1 };
      await store.db.insertInto("users").values(user).execute();
      await assert.rejects(
        store.db
          .insertInto("users")
          .values({ ...user, id: "usr_2", username: "aLICE" })
          .execute(),
        /unique/i,
      );
      const key = {
        id: "key_1",
        user_id: "usr_9",
        name: null,
        role: "user" as const,
        hash: "h",
        prefix: "p",
        created_ms: 1,
        revoked_ms: null,
      };
      await assert.rejects(store.db.insertInto("api_keys").values(key).execute(), /foreign key/i);
    });

    test("after close everything is refused, and closing again does nothing", async ({ open }) => {
      const store = await open();
      await store.close();
      await store.close();
      await assert.rejects(store.ping());
      await assert.rejects(insert(store, [usageRow("req_1")]));
    });

    test("close waits for an open transaction", async ({ open }) => {
      const store = await open();
      const begun = Promise.withResolvers<void>();
      const transaction = store.db.transaction().execute(async (inside) => {
        begun.resolve();
        await store.bumpRevision(inside);
        await store.bumpRevision(inside);
      });
      await begun.promise;
      await Promise.all([store.close(), transaction]);
      const again = await open();
      assert.equal(await again.readRevision(), 2);
    });
  });
}
