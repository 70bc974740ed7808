import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { sql } from "kysely";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { systemClock } from "../../core/index.ts";
import { Checkpoints, type CheckpointOwner } from "./checkpoints.ts";
import { createSqliteStore } from "./store.ts";

function makePath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-checkpoints-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "ledger.db");
}

interface FakeThread {
  readonly checkpoints: Checkpoints;
  readonly calls: string[];
  owner: CheckpointOwner | undefined;
  readonly ownPages: () => unknown;
}

function withFakeThread(t: TestContext): FakeThread {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const native = new DatabaseSync(makePath(t));
  t.after(() => native.close());
  const calls: string[] = [];
  const fake: FakeThread = {
    calls,
    owner: undefined,
    ownPages: () => native.prepare("pragma wal_autocheckpoint").get()!["wal_autocheckpoint"],
    checkpoints: new Checkpoints({
      path: "ledger.db",
      native,
      startRows: 10,
      startThread(_path, owner) {
        fake.owner = owner;
        calls.push("start");
        return {
          checkpoint: () => void calls.push("checkpoint"),
          close() {
            calls.push("close");
            return Promise.resolve();
          },
        };
      },
    }),
  };
  return fake;
}

test("a thread begins after many rows; until it is ready, and after its end, commits make the checkpoints", async (t) => {
  const fake = withFakeThread(t);
  const { checkpoints, calls } = fake;
  checkpoints.inserted(9);
  assert.deepEqual(calls, []);
  checkpoints.inserted(1);
  assert.deepEqual([calls, fake.ownPages()], [["start"], 1000]);
  fake.owner!.onIdle();
  assert.equal(fake.ownPages(), 0);
  await checkpoints.close();
  t.mock.timers.tick(5000);
  checkpoints.inserted(1);
  t.mock.timers.tick(5000);
  assert.deepEqual(calls, ["start", "close"]);
});

test("the thread makes one checkpoint at a time, only after new rows; if it ends by itself, commits make them again", (t) => {
  const fake = withFakeThread(t);
  const { checkpoints, calls } = fake;
  checkpoints.inserted(10);
  fake.owner!.onIdle();
  assert.equal(fake.ownPages(), 0);
  t.mock.timers.tick(500);
  assert.deepEqual(calls, ["start", "checkpoint"]);
  // While one is under way, no other one is asked for.
  checkpoints.inserted(1);
  t.mock.timers.tick(5000);
  assert.deepEqual(calls, ["start", "checkpoint"]);
  fake.owner!.onIdle();
  t.mock.timers.tick(500);
  assert.deepEqual(calls, ["start", "checkpoint", "checkpoint"]);
  // Nothing was inserted meanwhile.
  fake.owner!.onIdle();
  t.mock.timers.tick(5000);
  assert.deepEqual(calls, ["start", "checkpoint", "checkpoint"]);
  fake.owner!.onLost();
  checkpoints.inserted(100);
  t.mock.timers.tick(5000);
  assert.deepEqual([calls, fake.ownPages()], [["start", "checkpoint", "checkpoint"], 1000]);
});

test("what is changed or deleted without new rows is copied too, and alone begins no thread", (t) => {
  const fake = withFakeThread(t);
  const { checkpoints, calls } = fake;
  for (let count = 0; count < 20; count++) checkpoints.written();
  assert.deepEqual(calls, []);
  checkpoints.inserted(10);
  fake.owner!.onIdle();
  t.mock.timers.tick(500);
  fake.owner!.onIdle();
  checkpoints.written();
  t.mock.timers.tick(500);
  assert.deepEqual(calls, ["start", "checkpoint", "checkpoint"]);
});

test("a database in memory has no thread", async (t) => {
  const native = new DatabaseSync(":memory:");
  t.after(() => native.close());
  const checkpoints = new Checkpoints({ path: ":memory:", native, startThread: () => assert.fail("started") });
  checkpoints.inserted(1_000_000);
  await checkpoints.close();
});

/** Rows in the database file alone, without its log; `undefined` while it is being written. */
function copiedRows(path: string): unknown {
  const file = new DatabaseSync(`${pathToFileURL(path).href}?immutable=1`, { readOnly: true });
  try {
    return file.prepare("select count(*) as count from revisions where length(name) > 200").get()!["count"];
  } catch {
    return undefined;
  } finally {
    file.close();
  }
}

test("the log is copied while the store is open, the store's end leaves no log, and all rows are there", async (t) => {
  const path = makePath(t);
  const store = await createSqliteStore({ path, clock: systemClock });
  const columns = ["name", "value"];
  let next = 0;
  const insert = (rows: number): Promise<number> =>
    store.insertRows(
      "revisions",
      columns,
      Array.from({ length: rows }, () => [`${"x".repeat(200)}${next++}`, 1]),
    );
  await insert(5000);
  const own = async (): Promise<unknown> =>
    (await sql.raw<{ wal_autocheckpoint: number }>("pragma wal_autocheckpoint").execute(store.db)).rows[0];
  await waitUntil("the thread is ready", async () => JSON.stringify(await own()) === '{"wal_autocheckpoint":0}');
  const before = statSync(path).size;
  await insert(5000);
  await waitUntil("the thread has copied the log", () => statSync(path).size > before + 1_000_000);
  await waitUntil("the file has all rows", () => copiedRows(path) === 10_000);
  await store.db.deleteFrom("revisions").where("name", "like", "%9").execute();
  await waitUntil("the thread has copied what the deletion wrote", () => copiedRows(path) === 9_000);
  await store.close();
  assert.equal(existsSync(`${path}-wal`), false);
  const again = new DatabaseSync(path, { readOnly: true });
  t.after(() => again.close());
  assert.equal(again.prepare("select count(*) as count from revisions where length(name) > 200").get()!["count"], 9_000);
});
