import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { systemClock } from "../../core/index.ts";
import { createSqliteReader } from "./reader.ts";
import { createSqliteStore } from "./store.ts";
import { withFolder } from "./testing.ts";

/** Counts to a number, which takes about a second for a million. */
const count = (to: number): ReturnType<typeof sql<{ n: number }>> =>
  sql<{
    n: number;
  }>`with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${to}) select max(n) as n from numbers`;

test("a long read leaves the event loop alone, and sees what was committed before it", () =>
  withFolder(async (folder) => {
    const store = await createSqliteStore({ path: join(folder, "a.db"), clock: systemClock });
    await store.db
      .insertInto("users")
      .values({ id: "usr_1", username: "alice", email: null, role: "user", created_ms: 1, disabled_ms: null })
      .execute();
    assert.deepEqual(await store.reader.selectFrom("users").select("username").execute(), [{ username: "alice" }]);
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    turn();
    const read = count(300_000).execute(store.reader);
    // Another connection writes meanwhile.
    await store.bumpRevision();
    const seen = turns;
    assert.deepEqual((await read).rows, [{ n: 300_000 }]);
    isOver = true;
    assert.ok(turns - seen > 100, `${turns - seen} turns of the event loop`);
    await store.close();
  }));

test("values come as from the serving connection, and so do errors", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.db");
    const store = await createSqliteStore({ path, clock: systemClock });
    const values = sql`select 9007199254740993 as cost_nano_usd, 7 / ${2} as whole, 1.5 as part, 'ü' as text, null as missing`;
    assert.deepEqual((await values.execute(store.reader)).rows, (await values.execute(store.db)).rows);
    await assert.rejects(sql`select * from nowhere`.execute(store.reader), { message: "no such table: nowhere" });
    await assert.rejects(sql`delete from users`.execute(store.reader), { name: "StoreError", reason: "unwritable" });
    await assert.rejects(
      store.reader.transaction().execute(async () => {}),
      { message: "The reader has no transactions: use `db`." },
    );
    await store.close();
    await assert.rejects(sql`select 1`.execute(store.reader), { message: "The database is closed." });
  }));

test("reads under way are finished at the end, and a file that is gone is an error of the read alone", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.db");
    const store = await createSqliteStore({ path, clock: systemClock });
    const reads = Promise.all([count(10_000).execute(store.reader), count(20_000).execute(store.reader)]);
    // They have been given to the thread by then.
    await new Promise((resolve) => setImmediate(resolve));
    await store.close();
    assert.deepEqual(
      (await reads).map(({ rows }) => rows),
      [[{ n: 10_000 }], [{ n: 20_000 }]],
    );
    await rm(path);
    const reader = createSqliteReader({ path, check: () => {} });
    await assert.rejects(sql`select 1`.execute(reader.db), { name: "StoreError", reason: "unwritable" });
    await reader.close();
  }));

test("a file that is not the one that was opened is not read", () =>
  withFolder(async (folder) => {
    const fault = new Error("the file was replaced");
    const check = (): void => {
      throw fault;
    };
    const reader = createSqliteReader({ path: join(folder, "a.db"), check });
    await assert.rejects(sql`select 1`.execute(reader.db), fault);
    await reader.close();
  }));

test("on Linux the thread of reads gives way to those that serve", { skip: process.platform !== "linux" && "reads /proc" }, () =>
  withFolder(async (folder) => {
    const niceOfThreads = (): number[] =>
      readdirSync("/proc/self/task").flatMap((task) => {
        try {
          const [, fields = ""] = readFileSync(`/proc/self/task/${task}/stat`, "utf8").split(/\) (.*)/s);
          return [Number(fields.split(" ")[16])];
        } catch {
          // It has ended meanwhile.
          return [];
        }
      });
    const before = niceOfThreads();
    const store = await createSqliteStore({ path: join(folder, "a.db"), clock: systemClock });
    await store.reader.selectFrom("users").select("username").execute();
    const after = niceOfThreads();
    // Other tests' stores may have threads as well.
    const lowered = (all: readonly number[]): number => all.filter((nice) => nice === 10).length;
    assert.ok(lowered(after) > lowered(before), String(after));
    assert.equal(after[0], before[0]);
    await store.close();
  }),
);
