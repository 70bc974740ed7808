import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { tlsAuthority } from "../../../tests/testbed/postgres-server.ts";
import { sharedPostgres, withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { Secret, systemClock, type Clock } from "../../core/index.ts";
import { describeStore, usageRow } from "../store-testing.ts";
import { describePlace, type PostgresPlace } from "./place.ts";
import { createPostgresStore } from "./store.ts";
import { makePostgres, makePostgresPlace } from "./testing.ts";
import { StoreError } from "../store-error.ts";
import type { Store } from "../types.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";

describeStore("PostgreSQL", makePostgres, withoutPostgres);

const clock: Clock = { now: () => Date.UTC(2026, 10, 23), monotonic: () => 0 };
const columns = ["request_id", "attempt", "time_ms", "duration_ms", "ttft_ms", "user_id", "key_id", "dialect", "provider"];
const moreColumns = ["model_asked", "model_served", "input_tokens", "direction", "status", "usage_source", "cost_nano_usd", "http_status"];
const insert = (store: Store, ...rows: ReturnType<typeof usageRow>[]): Promise<number> =>
  store.insertRows("usage_entries", [...columns, ...moreColumns], rows);

async function withStore(
  body: (store: Store, place: PostgresPlace) => Promise<void>,
  options: { pool?: number; lockMs?: number } = {},
): Promise<void> {
  const place = await makePostgresPlace();
  const store = await createPostgresStore({
    place,
    clock,
    pool: options.pool ?? 3,
    timeouts: options.lockMs === undefined ? {} : { lockMs: options.lockMs },
  });
  try {
    await body(store, place);
  } finally {
    await store.close();
  }
}

const requestIds = async (store: Store): Promise<string[]> =>
  (await store.db.selectFrom("usage_entries").select("request_id").orderBy("time_ms").execute()).map((row) => row.request_id);

const partitions = async (store: Store): Promise<string[]> =>
  (
    await sql<{ name: string }>`
      select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_entries'::regclass order by 1`.execute(store.db)
  ).rows.map(({ name }) => name);

describe("PostgreSQL: months of usage", { skip: withoutPostgres }, () => {
  it("this month and the next two are made at the start, other months when one of their entries is inserted, in a transaction or not", () =>
    withStore(async (store) => {
      const ahead = ["usage_entries_y2026m11", "usage_entries_y2026m12", "usage_entries_y2027m01"];
      assert.deepStrictEqual(await partitions(store), ahead);
      const february = Date.UTC(2024, 1, 29, 23, 59, 59, 999);
      await insert(store, usageRow("req_1", 1, february), usageRow("req_2", 1, february + 1), usageRow("req_3", 1, clock.now()));
      await store.db.transaction().execute(async (transaction) => {
        assert.equal(await store.insertRows("usage_entries", [...columns, ...moreColumns], [usageRow("req_4", 1, 0)], transaction), 1);
      });
      assert.deepStrictEqual(
        [await partitions(store), (await store.db.selectFrom("usage_entries").select("request_id").orderBy("time_ms").execute()).length],
        [["usage_entries_y1970m01", "usage_entries_y2024m02", "usage_entries_y2024m03", ...ahead], 4],
      );
    }));

  it("a month whose transaction was rolled back is made again", () =>
    withStore(async (store) => {
      const rows = [usageRow("req_1", 1, 0)];
      const undone = store.db.transaction().execute(async (transaction) => {
        await store.insertRows("usage_entries", [...columns, ...moreColumns], rows, transaction);
        throw new Error("undone");
      });
      await assert.rejects(undone, /undone/);
      assert.deepStrictEqual([(await partitions(store)).length, await insert(store, ...rows)], [3, 1]);
    }));

  it("a month that many inserts need at once is made once, and none waits for another's transaction", () =>
    withStore(async (store) => {
      const added = await Promise.all(Array.from({ length: 12 }, (_, i) => insert(store, usageRow(`req_${i}`, 1, 40 * 86_400_000))));
      assert.deepStrictEqual([added.reduce((sum, n) => sum + n, 0), (await partitions(store)).length], [12, 4]);
    }));

  it("months that end before the mark are dropped, the month of the mark stays whole", () =>
    withStore(async (store) => {
      await insert(
        store,
        ...[Date.UTC(2025, 10), Date.UTC(2025, 11, 31), Date.UTC(2026, 0), Date.UTC(2026, 0, 20)].map((ms, i) =>
          usageRow(`req_${i}`, 1, ms),
        ),
      );
      await store.dropUsageBefore?.(Date.UTC(2026, 0) - 1);
      const december = await requestIds(store);
      await store.dropUsageBefore?.(Date.UTC(2026, 0, 15));
      assert.deepStrictEqual(
        [december, await requestIds(store), (await partitions(store))[0]],
        [["req_1", "req_2", "req_3"], ["req_2", "req_3"], "usage_entries_y2026m01"],
      );
    }));

  it("no month can be truncated regardless of the retention mark", () =>
    withStore(async (store) => {
      await insert(store, usageRow("req_1", 1, clock.now()));
      for (const table of ["usage_entries", "usage_entries_y2026m11"]) {
        await assert.rejects(sql.raw(`truncate ${table}`).execute(store.db), /append-only/);
      }
      await assert.rejects(sql`delete from usage_entries_y2026m11`.execute(store.db), /append-only/);
      await assert.rejects(sql`update usage_entries_y2026m11 set attempt = 2`.execute(store.db), /append-only/);
    }));
});

describe("PostgreSQL: values", { skip: withoutPostgres }, () => {
  it("a NUL character and half a surrogate pair are stored as the replacement character", () =>
    withStore(async (store) => {
      const row = usageRow("req_\0");
      row[columns.indexOf("user_id")] = "\ud800";
      await insert(store, row);
      assert.deepStrictEqual(await store.db.selectFrom("usage_entries").select(["request_id", "user_id"]).execute(), [
        { request_id: "req_\uFFFD", user_id: "\uFFFD" },
      ]);
      assert.deepStrictEqual(await store.db.selectFrom("users").select("id").where("username", "=", "a\0").execute(), []);
    }));

  it("texts that look like parts of an array come back as they are", () =>
    withStore(async (store) => {
      const texts = ["{a,b}", 'a"b\\c', "", "NULL", "null", "a,b", " ", "{}", "'", "\n"];
      await store.insertRows(
        "usage_tags",
        ["tag"],
        texts.map((text) => [text]),
      );
      const found = await store.db.selectFrom("usage_tags").select("tag").execute();
      assert.deepStrictEqual(found.map(({ tag }) => tag).toSorted(), texts.toSorted());
    }));

  it("a boolean is 1 or 0, a fraction is a number, and a value of another type is refused", () =>
    withStore(async (store) => {
      const { rows } =
        await sql`select 1 = 1 as yes, 1 = 2 as no, 2.5 as half, cast(2.5 as double precision) as double, null as nothing`.execute(
          store.db,
        );
      assert.deepStrictEqual(rows, [{ yes: 1, no: 0, half: 2.5, double: 2.5, nothing: null }]);
      await assert.rejects(sql`select ${true} as x`.execute(store.db), { name: "TypeError", message: /of type boolean/ });
      await assert.rejects(sql`select 2.5 as x_nano_usd`.execute(store.db), RangeError);
      await assert.rejects(store.db.selectFrom("users").selectAll().stream().next(), /read pages by key/);
    }));
});

describe("PostgreSQL: transactions", { skip: withoutPostgres }, () => {
  it("a transaction in which a statement failed is not reported as committed", () =>
    withStore(async (store) => {
      const transaction = store.db.transaction().execute(async (inside) => {
        await store.bumpRevision(inside);
        await sql`select nothing`.execute(inside).catch(() => {});
      });
      await assert.rejects(transaction, { message: "A statement of the transaction had failed: all of it is undone." });
      assert.equal(await store.readRevision(), 0);
    }));

  it("a transaction that is over refuses statements", () =>
    withStore(async (store) => {
      const kept = await store.db.transaction().execute((inside) => Promise.resolve(inside));
      await assert.rejects(store.bumpRevision(kept));
      await assert.rejects(store.insertRows("usage_tags", ["tag"], [["a"]], kept));
      assert.deepStrictEqual(await store.db.selectFrom("usage_tags").selectAll().execute(), []);
    }));

  it("transactions that only read see one moment, and do not wait", () =>
    withStore(async (store) => {
      const seen = await store.db
        .transaction()
        .setAccessMode("read only")
        .execute(async (inside) => {
          const read = async (): Promise<number> =>
            (await inside.selectFrom("revisions").select("value").where("name", "=", "accounts").executeTakeFirstOrThrow()).value;
          const before = await read();
          await store.db.transaction().execute((other) => store.bumpRevision(other));
          return [before, await read()];
        });
      assert.deepStrictEqual([seen, await store.readRevision()], [[0, 0], 1]);
    }));

  it("a transaction that names its isolation level does not wait for its turn", () =>
    withStore((store) =>
      store.db.transaction().execute(async () => {
        const other = store.db.transaction().setIsolationLevel("read committed");
        assert.equal(await other.execute((inside) => store.insertRows("usage_tags", ["tag"], [["a"]], inside)), 1);
      }),
    ));

  it("a lock that another session keeps is a StoreError after the timeout", () =>
    withStore(
      async (store, place) => {
        const held = Promise.withResolvers<void>();
        const begun = Promise.withResolvers<void>();
        const other = await createPostgresStore({ place, clock });
        const keeper = other.db.transaction().execute(async (inside) => {
          await other.bumpRevision(inside);
          begun.resolve();
          await held.promise;
        });
        await begun.promise;
        await assert.rejects(store.bumpRevision(), {
          name: "StoreError",
          reason: "busy",
          message: `The database ${describePlace(place)} is locked by another session. Look for it in pg_stat_activity, and end it.`,
        });
        held.resolve();
        await keeper;
        await other.close();
      },
      { lockMs: 30 },
    ));
});

describe("PostgreSQL: errors with a remedy", { skip: withoutPostgres }, () => {
  const refusal = async (change: Partial<PostgresPlace>): Promise<StoreError> => {
    const place = { ...(await makePostgresPlace()), ...change };
    try {
      await (await createPostgresStore({ place, clock })).close();
    } catch (error) {
      assert.ok(error instanceof StoreError, String(error));
      assert.ok(!JSON.stringify([error.message, error.stack]).includes("hunter2"));
      return error;
    }
    throw new Error("it was let in");
  };

  it("a wrong password, and a missing one", async () => {
    for (const [password, problem] of [
      ["hunter2", "the password is wrong. Check database.password, or the password in database.url."],
      ["", "no password is set. Set database.password (TOKLIGENCE_DATABASE_PASSWORD), the password in database.url, or PGPASSWORD."],
    ] as const) {
      const error = await refusal({ password: new Secret(password) });
      assert.equal(error.reason, "denied");
      assert.match(error.message, /^The database t\d+ on 127\.0\.0\.1:\d+ refuses the user tester: /);
      assert.ok(error.message.endsWith(problem), error.message);
    }
  });

  it("no such database", async () => {
    const error = await refusal({ database: "nowhere" });
    assert.deepStrictEqual(
      [error.reason, error.message],
      [
        "missing",
        "The server has no database nowhere. Make it, as in: createdb --owner tester nowhere. Or correct the name in database.database or database.url.",
      ],
    );
  });

  it("no server answers", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const error = await refusal({ port });
    assert.equal(error.reason, "unreachable");
    assert.match(
      error.message,
      /^No PostgreSQL server answers for the database t\d+ on 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\. Check host and port, and that the server runs\.$/,
    );
  });

  it("a server without TLS, and a missing TLS file", async () => {
    const plain = await refusal({ tls: {} });
    assert.deepStrictEqual(
      [plain.reason, /has no TLS\. Switch it on there, or set database\.tls: false/.test(plain.message)],
      ["untrusted", true],
    );
    const missing = await refusal({ tls: { ca: "/nowhere/ca.pem" } });
    assert.deepStrictEqual(
      [missing.reason, missing.message.startsWith("The file /nowhere/ca.pem of database.tls cannot be read")],
      ["untrusted", true],
    );
  });

  it("a certificate of an unknown authority, or for another host", async () => {
    const server = await sharedPostgres();
    const encrypted = async (change: Partial<PostgresPlace>): Promise<unknown> => {
      const store = await createPostgresStore({ place: { ...(await makePostgresPlace()), ...change }, clock });
      const { rows } = await sql<{ ssl: number }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(store.db);
      await store.close();
      return rows[0]?.ssl;
    };
    await server.setTls(true);
    try {
      // The server applies its settings a moment after the reload command.
      await waitUntil("the server has its certificate", async () => (await encrypted({ tls: { verify: false } }).catch(() => 0)) === 1);
      assert.equal(await encrypted({ host: "localhost", tls: { ca: tlsAuthority } }), 1);
      const unknown = await refusal({ host: "localhost", tls: {} });
      assert.match(
        unknown.message,
        /^The certificate of the database t\d+ on localhost:\d+ is not trusted \(.*\)\. Name its authority's file in database\.tls\.ca/,
      );
      const other = await refusal({ tls: { ca: tlsAuthority } });
      assert.deepStrictEqual(
        [unknown.reason, other.reason, /not trusted \(.*127\.0\.0\.1/.test(other.message)],
        ["untrusted", "untrusted", true],
      );
    } finally {
      await server.setTls(false);
    }
  });

  it("a user without the right to create tables", async () => {
    const server = await sharedPostgres();
    const place = await makePostgresPlace("empty");
    await server.run("postgres", "drop role if exists guest");
    await server.run("postgres", "create role guest login password 'hunter2'");
    const error = await refusal({ ...place, username: "guest", password: new Secret("hunter2") });
    assert.equal(error.reason, "denied");
    assert.match(
      error.message,
      /^The user guest lacks a right in the database .* \(permission denied for schema public\)\. Make it the owner/,
    );
  });
});

describe("PostgreSQL: a server that goes and comes back", { skip: withoutPostgres }, () => {
  it("queries wait meanwhile; an open transaction fails with an error that says to try again, and changes nothing", () =>
    withStore(async (store, place) => {
      const server = await sharedPostgres();
      const begun = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      const transaction = store.db.transaction().execute(async (inside) => {
        await store.bumpRevision(inside);
        begun.resolve();
        await gone.promise;
        await store.bumpRevision(inside);
      });
      await begun.promise;
      await server.down();
      gone.resolve();
      await assert.rejects(transaction, (error: unknown) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.reason, "unavailable");
        assert.ok(error.message.startsWith(`The connection to the database ${describePlace(place)} broke (`), error.message);
        return true;
      });
      const asked = Promise.all([
        store.readRevision(),
        store.ping(),
        insert(store, usageRow("req_1")),
        store.db.transaction().execute((inside) => store.bumpRevision(inside)),
        ...Array.from({ length: 20 }, () => store.readRevision()),
      ]);
      await server.up();
      const [, , added] = await asked;
      assert.deepStrictEqual([added, await store.readRevision()], [1, 1]);
    }));

  it("broken idle connections are replaced without an error", () =>
    withStore(async (store, place) => {
      const server = await sharedPostgres();
      await Promise.all(Array.from({ length: 3 }, () => sql`select pg_sleep(0.01)`.execute(store.db)));
      for (let round = 0; round < 5; round++) {
        await server.run("postgres", `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${place.database}'`);
        await Promise.all(Array.from({ length: 6 }, () => store.db.transaction().execute((inside) => store.bumpRevision(inside))));
      }
      assert.equal(await store.readRevision(), 30);
    }));

  it("a server that stays away is a StoreError after the connection timeout", async () => {
    const server = await sharedPostgres();
    const place = await makePostgresPlace();
    const store = await createPostgresStore({ place, clock: systemClock, timeouts: { connectMs: 120 } });
    await server.down();
    try {
      await assert.rejects(store.ping(), { name: "StoreError", reason: "unreachable" });
    } finally {
      await server.up();
    }
    assert.equal(await store.readRevision(), 0);
    await store.close();
  });
});
