import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { systemClock, type Clock } from "../../core/index.ts";
import { describeStore } from "../store-testing.ts";
import { makeSqlite, withFolder } from "./testing.ts";
import { createSqliteStore } from "./store.ts";

const clock = systemClock;

describeStore("SQLite", makeSqlite);

function modes(folder: string): Record<string, string> {
  const files = readdirSync(folder).toSorted();
  return Object.fromEntries([".", ...files].map((file) => [file, (statSync(join(folder, file)).mode & 0o777).toString(8)]));
}

describe("SQLite: the file", () => {
  it("is made with its folders, closed to others whatever the umask", { skip: process.platform === "win32" }, () =>
    withFolder(async (folder) => {
      const before = process.umask(0);
      try {
        const store = await createSqliteStore({ path: join(folder, "a", "b", "ledger.db"), clock });
        await store.bumpRevision();
        const seen = modes(join(folder, "a", "b"));
        await store.close();
        assert.deepStrictEqual(seen, { ".": "700", "ledger.db": "600", "ledger.db-shm": "600", "ledger.db-wal": "600" });
        assert.equal(modes(join(folder, "a"))["."], "700");
      } finally {
        process.umask(before);
      }
    }),
  );

  it("that others could read becomes private; an existing folder keeps its mode", { skip: process.platform === "win32" }, () =>
    withFolder(async (folder) => {
      const path = join(folder, "ledger.db");
      await (await createSqliteStore({ path, clock })).close();
      chmodSync(path, 0o644);
      chmodSync(folder, 0o755);
      const store = await createSqliteStore({ path, clock });
      await store.bumpRevision();
      const seen = modes(folder);
      await store.close();
      assert.deepStrictEqual(seen, { ".": "755", "ledger.db": "600", "ledger.db-shm": "600", "ledger.db-wal": "600" });
    }),
  );

  it("is opened with the documented settings", () =>
    withFolder(async (folder) => {
      const store = await createSqliteStore({ path: join(folder, "ledger.db"), clock });
      const read = async (name: string): Promise<unknown> =>
        Object.values((await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(store.db)).rows[0] ?? {})[0];
      const settings = {
        journal: await read("journal_mode"),
        synchronous: await read("synchronous"),
        foreignKeys: await read("foreign_keys"),
        recursiveTriggers: await read("recursive_triggers"),
      };
      await store.close();
      assert.deepStrictEqual(settings, { journal: "wal", synchronous: 1, foreignKeys: 1, recursiveTriggers: 1 });
    }));

  it("in memory behaves the same and leaves no file", async () => {
    const store = await createSqliteStore({ path: ":memory:", clock });
    await store.bumpRevision();
    assert.equal(await store.readRevision(), 1);
    await store.close();
    assert.equal(existsSync(":memory:"), false);
  });

  it("that is not a database is refused and not changed", () =>
    withFolder(async (folder) => {
      const path = join(folder, "notes.txt");
      const text = "Some notes that are longer than a hundred bytes, so that they cannot pass for an empty database. ".repeat(8);
      writeFileSync(path, text, { mode: 0o644 });
      chmodSync(path, 0o644);
      await assert.rejects(createSqliteStore({ path, clock }), {
        name: "StoreError",
        reason: "damaged",
        message: `The file ${path} is damaged or not a SQLite database (file is not a database). Stop the gateway, then restore the file from a backup, or move it away to start with an empty one.`,
      });
      assert.deepStrictEqual([readFileSync(path, "utf8"), modes(folder)["notes.txt"]], [text, "644"]);
    }));

  it("whose pages are damaged is distinguished from an empty one", () =>
    withFolder(async (folder) => {
      const path = join(folder, "ledger.db");
      await (await createSqliteStore({ path, clock })).close();
      const bytes = readFileSync(path);
      bytes.fill(0xa5, 100, 4096);
      writeFileSync(path, bytes);
      await assert.rejects(createSqliteStore({ path, clock }), { name: "StoreError", reason: "damaged" });
    }));

  it("at a path that cannot be written gives an error that says what to do", () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      writeFileSync(file, "");
      for (const path of [join(file, "ledger.db"), folder]) {
        await assert.rejects(createSqliteStore({ path, clock }), (error: unknown) => {
          assert.ok(error instanceof Error && "reason" in error);
          assert.equal(error.reason, "unwritable");
          assert.ok(error.message.startsWith(`The database ${path} cannot be opened for writing (`), error.message);
          assert.ok(
            error.message.endsWith("Check that the path is right, and that the gateway's user may write to the file and to its folder."),
            error.message,
          );
          return true;
        });
      }
    }));

  it("without write permission gives the same error", { skip: process.platform === "win32" || process.getuid?.() === 0 }, () =>
    withFolder(async (folder) => {
      const closed = join(folder, "closed");
      mkdirSync(closed, { mode: 0o500 });
      await assert.rejects(createSqliteStore({ path: join(closed, "ledger.db"), clock }), { name: "StoreError", reason: "unwritable" });
    }),
  );
});

describe("SQLite: another process holds the lock", () => {
  it("a writer waits without blocking the process, and readers continue", () =>
    withFolder(async (folder) => {
      const path = join(folder, "ledger.db");
      const store = await createSqliteStore({ path, clock });
      const other = new DatabaseSync(path);
      other.exec("begin immediate; update revisions set value = 10");
      let written = false;
      const writing = Promise.all([
        store.insertRows(
          "stored_responses",
          ["id", "user_id", "provider", "provider_key", "model", "created_ms"],
          [["r", "u", "p", "k", "m", 1]],
        ),
        store.bumpRevision(),
        store.db.transaction().execute((inside) => store.bumpRevision(inside)),
      ]).then(() => (written = true));
      const during = [await store.readRevision(), await store.readRevision(), written];
      other.exec("commit");
      other.close();
      await writing;
      const after = await store.readRevision();
      await store.close();
      assert.deepStrictEqual({ during, after }, { during: [0, 0, false], after: 12 });
    }));

  it("past the timeout: an error that says so, and the store works once the lock is released", () =>
    withFolder(async (folder) => {
      const path = join(folder, "ledger.db");
      const store = await createSqliteStore({ path, clock, busyTimeoutMs: 3 });
      const other = new DatabaseSync(path);
      other.exec("begin immediate");
      const expected = {
        name: "StoreError",
        reason: "busy",
        message: `The database ${path} is locked by another process. Find the process that keeps it open for writing (for example with "fuser ${path}") and end it.`,
      };
      await assert.rejects(store.bumpRevision(), expected);
      await assert.rejects(
        store.db.transaction().execute((inside) => store.bumpRevision(inside)),
        expected,
      );
      await assert.rejects(store.insertRows("retention", ["name"], [["x"]]), expected);
      other.exec("rollback");
      other.close();
      await store.bumpRevision();
      assert.equal(await store.readRevision(), 1);
      await store.close();
    }));
});

describe("SQLite: full disk", () => {
  it("is a StoreError, undoes the whole batch, and ends once there is space", () =>
    withFolder(async (folder) => {
      const path = join(folder, "ledger.db");
      const store = await createSqliteStore({ path, clock });
      await sql`pragma max_page_count = 1`.execute(store.db);
      const columns = ["id", "user_id", "provider", "provider_key", "model", "created_ms"];
      const rows = Array.from({ length: 500 }, (_, i) => [`resp_${i}`, "u".repeat(500), "p", "k", "m", i]);
      const expected = {
        name: "StoreError",
        reason: "full",
        message: `The disk that holds the database ${path} is full. Free some space.`,
      };
      await assert.rejects(store.insertRows("stored_responses", columns, rows), expected);
      await assert.rejects(
        store.db.transaction().execute((inside) => store.insertRows("stored_responses", columns, rows, inside)),
        expected,
      );
      assert.deepStrictEqual(await store.db.selectFrom("stored_responses").select("id").execute(), []);
      await sql`pragma max_page_count = 100000`.execute(store.db);
      assert.equal(await store.insertRows("stored_responses", columns, rows), 500);
      await store.close();
    }));
});

describe("SQLite: queries", () => {
  it("ping gives the time of one read by the given clock", async () => {
    let at = 100;
    const steps: Clock = { now: () => 0, monotonic: () => (at += 7) };
    const store = await createSqliteStore({ path: ":memory:", clock: steps });
    assert.equal(await store.ping(), 7);
    await store.close();
  });

  it("more texts than the cache keeps still give the right rows", async () => {
    const store = await createSqliteStore({ path: ":memory:", clock });
    const values: unknown[] = [];
    for (const i of [...Array.from({ length: 300 }, (_, n) => n), 0, 1, 299]) {
      values.push((await sql.raw<{ n: number }>(`select ${i} as n`).execute(store.db)).rows[0]?.n);
    }
    await store.close();
    assert.deepStrictEqual(values, [...Array.from({ length: 300 }, (_, n) => n), 0, 1, 299]);
  });

  it("a value of a type that SQLite lacks, and a stream, are refused", async () => {
    const store = await createSqliteStore({ path: ":memory:", clock });
    await assert.rejects(sql`select ${true} as x`.execute(store.db), { name: "TypeError", message: /of type boolean/ });
    await assert.rejects(store.db.selectFrom("users").selectAll().stream().next(), /read pages by key/);
    await store.close();
  });

  it("`returning` gives rows, a change gives its count", async () => {
    const store = await createSqliteStore({ path: ":memory:", clock });
    const user = { username: "a", email: null, role: "user" as const, created_ms: 1 };
    const made = await store.db
      .insertInto("users")
      .values({ ...user, id: "1" })
      .returning(["id", "created_ms"])
      .execute();
    const changed = await store.db.updateTable("users").set({ email: "x@y" }).where("id", "in", ["1", "2"]).executeTakeFirst();
    await store.close();
    assert.deepStrictEqual({ made, changed: changed.numUpdatedRows }, { made: [{ id: "1", created_ms: 1 }], changed: 1n });
  });

  it("reports over a span of time use the index by time", async () => {
    const store = await createSqliteStore({ path: ":memory:", clock });
    const plan = async (where: string): Promise<string[]> =>
      (
        await sql
          .raw<{ detail: string }>(`explain query plan select * from usage_entries where ${where} order by time_ms`)
          .execute(store.db)
      ).rows.map((row) => row.detail);
    const plans = [await plan("user_id = 'u' and time_ms >= 1"), await plan("time_ms between 1 and 2")];
    await store.close();
    assert.deepStrictEqual(plans, [
      ["SEARCH usage_entries USING INDEX usage_entries_by_time (time_ms>?)"],
      ["SEARCH usage_entries USING INDEX usage_entries_by_time (time_ms>? AND time_ms<?)"],
    ]);
  });
});
