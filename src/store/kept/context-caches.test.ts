import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { makePostgres } from "../postgres/testing.ts";
import { makeSqlite } from "../sqlite/testing.ts";
import type { StoreUnderTest } from "../store-testing.ts";
import { createContextCacheTable, type ContextCacheTable } from "./context-caches.ts";

const claimOf = (prefix: string, keyId = "key_1") => ({ prefix, keyId, untilMs: 1000 });
const cache = { name: "cachedContents/1", tokens: 5000, expiresMs: 2000 };

for (const [name, make, skip] of [
  ["SQLite", makeSqlite, false],
  ["PostgreSQL", makePostgres, withoutPostgres],
] as const) {
  describe(`context caches: ${name}`, () => {
    const test = (
      title: string,
      body: (one: ContextCacheTable, other: ContextCacheTable, time: { nowMs: number }) => Promise<void>,
    ): void =>
      void it(title, { skip }, async () => {
        const under: StoreUnderTest = await make();
        const time = { nowMs: 0 };
        const clock = { now: () => time.nowMs, monotonic: () => time.nowMs };
        try {
          await body(createContextCacheTable(await under.open(), clock), createContextCacheTable(await under.open(), clock), time);
        } finally {
          await under.cleanUp();
        }
      });

    test("of several processes one makes a cache, and the others find it; its end moves once, and after it the cache may be made again", async (one, other, time) => {
      const claims = await Promise.all([one, other, one, other].map((table) => table.claim(claimOf("p"))));
      const count = (outcome: string): number => claims.filter((claim) => claim === outcome).length;
      assert.deepEqual([count("busy"), count("claimed")], [3, 1]);
      await one.publish("p", cache);
      assert.deepEqual([await other.claim(claimOf("p")), await other.find("p")], [cache, cache]);
      const moved = await Promise.all([one, other].map((table) => table.extend("p", 2000, 3000)));
      assert.deepEqual(moved.filter((each) => each === true).length, 1);
      assert.deepEqual(await other.find("p"), { ...cache, expiresMs: 3000 });
      time.nowMs = 3000;
      assert.deepEqual([await one.find("p"), await one.claim({ ...claimOf("p"), untilMs: 4000 })], [undefined, "claimed"]);
      await one.drop("p");
      assert.equal(await other.claim({ ...claimOf("p"), untilMs: 4000 }), "claimed");
      // A process that died while it made one.
      time.nowMs = 4000;
      assert.equal(await one.claim({ ...claimOf("p"), untilMs: 5000 }), "claimed");
    });
  });
}

it("a key has at most 20 caches, which keep none from another key", async () => {
  const under = await makeSqlite();
  try {
    const table = createContextCacheTable(await under.open(), { now: () => 0, monotonic: () => 0 });
    const outcomes = await Promise.all(Array.from({ length: 22 }, (_, at) => table.claim(claimOf(`p${at}`))));
    assert.equal(outcomes.filter((outcome) => outcome === "full").length, 2);
    assert.equal(await table.claim(claimOf("q", "key_2")), "claimed");
  } finally {
    await under.cleanUp();
  }
});
