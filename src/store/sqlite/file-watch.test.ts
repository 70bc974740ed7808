import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, renameSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Store } from "../types.ts";
import { createSqliteStore } from "./store.ts";

async function setup(t: TestContext): Promise<{ readonly store: Store; readonly path: string }> {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-watch-"));
  const path = join(folder, "gateway.db");
  const store = await createSqliteStore({ path, clock: { now: () => 1, monotonic: () => 1 } });
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  return { store, path };
}

function problemOf(store: Store): string | undefined {
  return store.problem;
}

const ways: readonly (readonly [name: string, what: string, harm: (path: string) => void])[] = [
  ["a removed file", "gateway.db was removed or moved away", (path) => rmSync(path)],
  [
    "a file with another in its place",
    "gateway.db was replaced by another file",
    (path) => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  ],
  ["an emptied file", "gateway.db was emptied", (path) => truncateSync(path)],
  ["a removed write-ahead log", "gateway.db-wal was removed or moved away", (path) => rmSync(`${path}-wal`)],
  ["a removed index of the log", "gateway.db-shm was removed or moved away", (path) => rmSync(`${path}-shm`)],
];

for (const [name, what, harm] of ways) {
  test(`${name}: an inspection finds it, and nothing is read or written`, async (t) => {
    const { store, path } = await setup(t);
    store.inspect();
    assert.equal(problemOf(store), undefined);
    harm(path);
    store.inspect();
    assert.ok(problemOf(store)?.includes(`${what} while the gateway had it open`));
    await assert.rejects(store.readRevision(), { name: "StoreError", reason: "lost" });
    await assert.rejects(store.bumpRevision(), { reason: "lost" });
  });
}

test("a write finds it without an inspection, and a file that is back is used again", async (t) => {
  const { store, path } = await setup(t);
  const row = ["resp_1", "u", "p", "", "m", 1];
  const insert = (): Promise<number> =>
    store.insertRows("stored_responses", ["id", "user_id", "provider", "provider_key", "model", "created_ms"], [row]);
  renameSync(path, `${path}.elsewhere`);
  await assert.rejects(insert(), { reason: "lost" });
  renameSync(`${path}.elsewhere`, path);
  store.inspect();
  assert.equal(await insert(), 1);
});
