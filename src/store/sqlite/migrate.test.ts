import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import type { Clock } from "../../core/index.ts";
import { migrations, type Migration } from "../migrations/index.ts";
import { createSqliteDatabase, type SqliteDatabase } from "./database.ts";
import { openSqliteFile } from "./file.ts";
import { migrateSqlite } from "./migrate.ts";
import { createSqliteStore } from "./store.ts";
import { withFolder } from "./testing.ts";

const clock: Clock = { now: () => 1_700_000_000_000, monotonic: () => 0 };

const postgresql = "not for this database";
const first: Migration = { version: 1, name: "first", sqlite: "create table a (x integer) strict; insert into a values (1)", postgresql };
const second: Migration = { version: 2, name: "second", sqlite: "alter table a add column y integer; update a set y = x + 1", postgresql };
const broken: Migration = {
  version: 2,
  name: "broken",
  sqlite: "update a set x = 9; create table b (z integer) strict; select * from nowhere",
  postgresql,
};

async function open(path: string): Promise<SqliteDatabase> {
  return createSqliteDatabase(path, await openSqliteFile(path, 5000), 5000);
}

async function rows(database: SqliteDatabase, sql: string): Promise<unknown[]> {
  return (await database.execute(sql, [])).rows;
}

const record = "select version, name, applied_ms from schema_migrations order by version";

/** The database at a version, with these statements run. */
async function databaseAt(path: string, version: number, sql: string): Promise<SqliteDatabase> {
  const database = await open(path);
  await migrateSqlite(
    database,
    migrations.filter((migration) => migration.version <= version),
    clock,
  );
  database.native.exec(sql);
  return database;
}

describe("migrations", () => {
  it("budgets, their periods and reservations stay when their table is made anew, and are still deleted together", () =>
    withFolder(async (folder) => {
      const database = await databaseAt(
        join(folder, "x.db"),
        12,
        `insert into budgets values ('bgt_1', 'user', 'usr_1', 'month', 1, 2, 3);
         insert into budget_periods values ('bgt_1', 0, 5, 6);
         insert into budget_holds values ('req_1', 'bgt_1', 0, 6, 9)`,
      );
      await migrateSqlite(database, migrations, clock);
      const all = async (): Promise<unknown[]> => [
        ...(await rows(database, "select * from budgets")),
        ...(await rows(database, "select * from budget_periods")),
        ...(await rows(database, "select * from budget_holds")),
      ];
      assert.deepStrictEqual(await all(), [
        {
          id: "bgt_1",
          subject: "user",
          subject_id: "usr_1",
          period: "month",
          warn_nano_usd: 1n,
          stop_nano_usd: 2n,
          created_ms: 3,
          time_zone: null,
        },
        { budget_id: "bgt_1", start_ms: 0, spent_nano_usd: 5n, held_nano_usd: 6n },
        { request_id: "req_1", budget_id: "bgt_1", start_ms: 0, amount_nano_usd: 6n, expires_ms: 9 },
      ]);
      await rows(
        database,
        "insert into budgets (id, subject, subject_id, period, created_ms) values ('bgt_2', 'tag', 'usr_1', 'month', 3)",
      );
      await rows(database, "delete from budgets");
      assert.deepStrictEqual(await all(), []);
      await database.close();
    }));

  it("the list counts from 1 without gaps", () => {
    assert.deepStrictEqual(
      migrations.map((migration) => migration.version),
      migrations.map((_, i) => i + 1),
    );
  });

  it("run once each, in order, and go on from where the database is", () =>
    withFolder(async (folder) => {
      const database = await open(join(folder, "x.db"));
      await migrateSqlite(database, [first], clock);
      await migrateSqlite(database, [first], clock);
      await migrateSqlite(database, [first, second], clock);
      assert.deepStrictEqual(
        { a: await rows(database, "select * from a"), record: await rows(database, record) },
        {
          a: [{ x: 1, y: 2 }],
          record: [
            { version: 1, name: "first", applied_ms: 1_700_000_000_000 },
            { version: 2, name: "second", applied_ms: 1_700_000_000_000 },
          ],
        },
      );
      await database.close();
    }));

  it("a failed migration changes nothing, and the error names it", () =>
    withFolder(async (folder) => {
      const path = join(folder, "x.db");
      const database = await open(path);
      await assert.rejects(migrateSqlite(database, [first, broken], clock), {
        name: "StoreError",
        reason: "migration_failed",
        message: `The database ${path} could not be migrated to schema version 2 (broken): no such table: nowhere. Nothing was changed. Check that the file belongs to this program.`,
      });
      assert.deepStrictEqual(
        { a: await rows(database, "select * from a"), record: await rows(database, "select version from schema_migrations") },
        { a: [{ x: 1 }], record: [{ version: 1 }] },
      );
      await migrateSqlite(database, [first, second], clock);
      await database.close();
    }));

  it("a schema that is newer than the program is refused and not changed", () =>
    withFolder(async (folder) => {
      const path = join(folder, "x.db");
      const database = await open(path);
      await migrateSqlite(database, [first, second], clock);
      await assert.rejects(migrateSqlite(database, [first], clock), {
        name: "StoreError",
        reason: "newer_schema",
        message: `The database ${path} has schema version 2, and this program knows versions up to 1. Install the newer program again, or restore a backup from before it was installed.`,
      });
      assert.deepStrictEqual(await rows(database, "select version from schema_migrations"), [{ version: 1 }, { version: 2 }]);
      await database.close();
    }));

  it("a store refuses a newer schema, and closes the file", () =>
    withFolder(async (folder) => {
      const path = join(folder, "x.db");
      await (await createSqliteStore({ path, clock })).close();
      const other = new DatabaseSync(path);
      other.exec("insert into schema_migrations (version, name, applied_ms) values (1000, 'from the future', 1)");
      await assert.rejects(createSqliteStore({ path, clock }), { name: "StoreError", reason: "newer_schema" });
      // This succeeds only if no other connection has the file open.
      assert.deepStrictEqual({ ...other.prepare("pragma journal_mode = delete").get() }, { journal_mode: "delete" });
      other.close();
    }));

  it("a database that is up to date is opened while another process holds the write lock", () =>
    withFolder(async (folder) => {
      const path = join(folder, "x.db");
      await (await createSqliteStore({ path, clock })).close();
      const other = new DatabaseSync(path);
      other.exec("begin immediate");
      const store = await createSqliteStore({ path, clock, busyTimeoutMs: 0 });
      assert.equal(await store.readRevision(), 0);
      await store.close();
      other.exec("rollback");
      other.close();
    }));

  it("a process that waited for another's migration finds it done", () =>
    withFolder(async (folder) => {
      const path = join(folder, "x.db");
      const one = await open(path);
      const two = await open(path);
      await one.begin("immediate");
      // By now, or soon, it has read version 0, and it cannot write before the other transaction commits.
      const waiting = migrateSqlite(two, [first, second], clock);
      one.executeWithin(
        "create table schema_migrations (version integer primary key, name text not null, applied_ms integer not null) strict",
        [],
      );
      one.executeWithin("create table a (x integer) strict", []);
      one.executeWithin("insert into schema_migrations values (1, 'by the other', 5)", []);
      await new Promise((resolve) => setImmediate(resolve));
      one.end("commit");
      await waiting;
      assert.deepStrictEqual(await rows(one, record), [
        { version: 1, name: "by the other", applied_ms: 5 },
        { version: 2, name: "second", applied_ms: 1_700_000_000_000 },
      ]);
      await one.close();
      await two.close();
    }));

  it("several stores can be opened at once in one process", () =>
    withFolder(async (folder) => {
      const path = join(folder, "x.db");
      const stores = await Promise.all(Array.from({ length: 8 }, () => createSqliteStore({ path, clock })));
      await Promise.all(stores.map((store) => store.bumpRevision()));
      assert.equal(await stores[0]!.readRevision(), 8);
      await Promise.all(stores.map((store) => store.close()));
    }));

  it("processes that start at once on a new file all start, and the schema is made once", () =>
    withFolder(async (folder) => {
      const path = join(folder, "new", "x.db");
      const program = `
        import { createSqliteStore } from ${JSON.stringify(new URL("../index.ts", import.meta.url).href)};
        process.stdout.write("ready\\n");
        await new Promise((resolve) => process.stdin.once("data", resolve));
        const store = await createSqliteStore({ path: ${JSON.stringify(path)}, clock: { now: () => 1, monotonic: () => 0 } });
        await store.bumpRevision();
        await store.close();
        process.exit(0);
      `;
      const children = Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "pipe"] });
        return { child, ready: once(child.stdout, "data"), stderr: text(child.stderr), exit: once(child, "exit") };
      });
      await Promise.all(children.map(({ ready }) => ready));
      for (const { child } of children) child.stdin.end("go\n");
      const results = await Promise.all(
        children.map(async ({ exit, stderr }) => ({ code: (await exit)[0] as unknown, stderr: await stderr })),
      );
      assert.deepStrictEqual(
        results,
        Array.from({ length: 4 }, () => ({ code: 0, stderr: "" })),
      );
      const database = await open(path);
      assert.deepStrictEqual(
        {
          versions: await rows(database, "select version from schema_migrations"),
          revision: await rows(database, "select value from revisions"),
        },
        { versions: migrations.map(({ version }) => ({ version })), revision: [{ value: 4 }] },
      );
      await database.close();
    }));
});
