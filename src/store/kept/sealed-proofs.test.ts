import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import type { StoreUnderTest } from "../store-testing.ts";
import { addInstallationKey, InstallationKeys } from "./installation-keys.ts";
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
    test("the first key is made once, whichever process starts first; a later key seals when all processes have read it, and older ones still open", async (one, other) => {
      const random = (byte: number) => (size: number) => Buffer.alloc(size, byte);
      const [here, there] = await Promise.all([
        InstallationKeys.open(one, clock, random(1)),
        InstallationKeys.open(other, clock, random(2)),
      ]);
      assert.deepEqual(here.find(1), there.find(1));
      assert.deepEqual([here.ids, here.find(1)!.secret.length], [[1], 32]);
      assert.deepEqual((await InstallationKeys.open(one, clock, random(3))).find(1), here.find(1));
      assert.deepEqual(await addInstallationKey(one, clock, random(4)), { id: 2, sealsFromMs: time.nowMs + 10_000 });
      await Promise.all([here.refresh(), there.refresh()]);
      // The other process opens what is sealed with it before any process seals with it.
      assert.deepEqual([there.find(2)!.secret, here.sealing().id, there.find(3)], [Buffer.alloc(32, 4), 1, undefined]);
      time.nowMs += 9999;
      assert.equal(here.sealing().id, 1);
      time.nowMs += 1;
      assert.deepEqual([here.sealing().id, there.sealing().id, here.find(1)!.secret.length], [2, 2, 32]);
      const both = await Promise.all([addInstallationKey(one, clock, random(5)), addInstallationKey(other, clock, random(6))]);
      await there.refresh();
      assert.deepEqual(
        [both.map(({ id }) => id >= 3), there.ids.slice(0, 3)],
        [
          [true, true],
          [1, 2, 3],
        ],
      );
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
