import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import type { StoreUnderTest } from "../store-testing.ts";
import { readInstallationKeys } from "./installation-keys.ts";
import { createKeptProofTable } from "./kept-proofs.ts";
import { makePostgres } from "../postgres/testing.ts";
import { makeSqlite } from "../sqlite/testing.ts";
import type { Store } from "../types.ts";

const dayMs = 24 * 3600 * 1000;

function describeSealedProofs(name: string, make: () => Promise<StoreUnderTest>, skip: string | false = false): void {
  const time = { nowMs: 0 };
  const clock = { now: () => time.nowMs, monotonic: () => time.nowMs };
  const test = (title: string, body: (one: Store, other: Store) => Promise<void>): void =>
    void it(title, { skip }, async () => {
      const under = await make();
      time.nowMs = 100 * dayMs;
      try {
        await body(await under.open(), await under.open());
      } finally {
        await under.cleanUp();
      }
    });

  describe(`sealing keys and sealed proofs: ${name}`, () => {
    test("the first key is made once, whichever process starts first, and a later key is added", async (one, other) => {
      const random = (byte: number) => (size: number) => Buffer.alloc(size, byte);
      const [first, again] = await Promise.all([
        readInstallationKeys(one, clock, random(1)),
        readInstallationKeys(other, clock, random(2)),
      ]);
      assert.deepEqual(first, again);
      assert.deepEqual([first.length, first[0]!.id, first[0]!.secret.length], [1, 1, 32]);
      assert.deepEqual(await readInstallationKeys(one, clock, random(3)), first);
      const second = Buffer.alloc(32, 4);
      await one.insertRows("installation_keys", ["id", "secret", "created_ms"], [[2, second.toString("base64"), 0]]);
      assert.deepEqual(await readInstallationKeys(other, clock, random(3)), [...first, { id: 2, secret: second }]);
    });

    test("a proof is found by its user and call, in every process; the first proof of a call is kept", async (one, other) => {
      const [here, there] = [createKeptProofTable(one, clock), createKeptProofTable(other, clock)];
      const long = "x".repeat(5000);
      const proofs = [
        { callId: "c1", sealed: "S1" },
        { callId: long, sealed: "S2" },
      ];
      await here.keep("u", proofs);
      await there.keep("u", [{ callId: "c1", sealed: "S3" }]);
      const found = await there.find("u", ["none", long, "c1"]);
      assert.deepEqual(new Set(found), new Set(proofs));
      assert.deepEqual(await there.find("v", ["c1"]), []);
      const many = Array.from({ length: 1200 }, (_, index) => `c${index}`);
      assert.deepEqual(await here.find("u", many), [proofs[0]]);
    });

    test("a proof is kept for a week; older ones are deleted when another is stored", async (one) => {
      const table = createKeptProofTable(one, clock);
      await table.keep("u", [{ callId: "old", sealed: "S" }]);
      time.nowMs += 7 * dayMs;
      await table.keep("u", [{ callId: "new", sealed: "S" }]);
      assert.equal((await table.find("u", ["old", "new"])).length, 2);
      time.nowMs += dayMs;
      await table.keep("u", [{ callId: "newer", sealed: "S" }]);
      assert.deepEqual(new Set((await table.find("u", ["old", "new", "newer"])).map(({ callId }) => callId)), new Set(["new", "newer"]));
    });
  });
}

describeSealedProofs("SQLite", makeSqlite);
describeSealedProofs("PostgreSQL", makePostgres, withoutPostgres);
