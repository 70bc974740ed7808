import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeptProofs, type KeptProofs, type KeptProofsDeps, type KeptProofStore } from "./kept-proofs.ts";

interface Setup {
  /** Proofs of one process. */
  readonly create: (isShared?: boolean) => KeptProofs;
  readonly asked: string[][];
  readonly errors: string[];
  readonly fail: { on: boolean };
}

function setUp(): Setup {
  const rows = new Map<string, string>();
  const asked: string[][] = [];
  const errors: string[] = [];
  const fail = { on: false };
  const log = (_fields: object, message: string): void => void errors.push(message);
  const store: KeptProofStore = {
    sweep: () => Promise.resolve(),
    async find(userId, callIds) {
      asked.push([...callIds]);
      if (fail.on) throw new Error("no disk");
      return callIds.flatMap((callId) => {
        const sealed = rows.get(`${userId} ${callId}`);
        return sealed === undefined ? [] : [{ callId, sealed }];
      });
    },
  };
  const ledger: KeptProofsDeps["ledger"] = {
    keep(change, written) {
      assert.equal(change.kind, "proof");
      if (fail.on) return Promise.reject(new Error("no disk"));
      if (change.kind === "proof") rows.set(`${change.userId} ${change.callId}`, change.sealed);
      written();
      return undefined;
    },
  };
  const logger = { debug: log, info: log, warn: log, error: log };
  const clock = { now: () => 1, monotonic: () => 1 };
  return {
    asked,
    errors,
    fail,
    create: (isShared = false) => createKeptProofs({ store, ledger, clock, logger, isShared: () => isShared }),
  };
}

test("what is kept is found, in this process without asking the store, in another by asking once", async () => {
  const { create, asked } = setUp();
  const [here, there] = [create(), create(true)];
  await here.keep("u", [{ callId: "c1", sealed: "S1" }]);
  assert.deepEqual(here.find("u", ["c1"]), new Map([["c1", "S1"]]));
  assert.deepEqual(asked, []);
  assert.deepEqual(await there.find("u", ["c1", "c2", "c1"]), new Map([["c1", "S1"]]));
  assert.deepEqual(there.find("u", ["c2", "c1"]), new Map([["c1", "S1"]]));
  assert.deepEqual(await there.find("v", ["c1"]), new Map());
  assert.deepEqual(asked, [["c1", "c2"], ["c1"]]);
  assert.deepEqual(there.find("u", []), new Map());
});

test("a store that fails costs the proof, not the request, and is asked again", async () => {
  const { create, errors, fail } = setUp();
  const [here, there] = [create(true), create()];
  fail.on = true;
  await here.keep("u", [{ callId: "c1", sealed: "S1" }]);
  assert.deepEqual(here.find("u", ["c1"]), new Map([["c1", "S1"]]));
  assert.deepEqual(await there.find("u", ["c1"]), new Map());
  assert.equal(errors.length, 2);
  fail.on = false;
  await here.keep("u", [{ callId: "c1", sealed: "S1" }]);
  assert.deepEqual(await there.find("u", ["c1"]), new Map([["c1", "S1"]]));
});
