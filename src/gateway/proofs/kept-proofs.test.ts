import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeptProofs, type KeptProofStore } from "./kept-proofs.ts";

function setUp(): {
  store: KeptProofStore;
  asked: string[][];
  errors: string[];
  logger: Parameters<typeof createKeptProofs>[1];
  fail: { on: boolean };
} {
  const rows = new Map<string, string>();
  const asked: string[][] = [];
  const errors: string[] = [];
  const fail = { on: false };
  const log = (_fields: object, message: string): void => void errors.push(message);
  return {
    asked,
    errors,
    fail,
    logger: { debug: log, info: log, warn: log, error: log },
    store: {
      async keep(userId, proofs) {
        if (fail.on) throw new Error("no disk");
        for (const { callId, sealed } of proofs) rows.set(`${userId} ${callId}`, sealed);
      },
      async find(userId, callIds) {
        asked.push([...callIds]);
        if (fail.on) throw new Error("no disk");
        return callIds.flatMap((callId) => {
          const sealed = rows.get(`${userId} ${callId}`);
          return sealed === undefined ? [] : [{ callId, sealed }];
        });
      },
    },
  };
}

test("what is kept is found, in this process without asking the store, in another by asking once", async () => {
  const { store, asked, logger } = setUp();
  const [here, there] = [createKeptProofs(store, logger), createKeptProofs(store, logger)];
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
  const { store, errors, logger, fail } = setUp();
  const [here, there] = [createKeptProofs(store, logger), createKeptProofs(store, logger)];
  fail.on = true;
  await here.keep("u", [{ callId: "c1", sealed: "S1" }]);
  assert.deepEqual(here.find("u", ["c1"]), new Map([["c1", "S1"]]));
  assert.deepEqual(await there.find("u", ["c1"]), new Map());
  assert.equal(errors.length, 2);
  fail.on = false;
  await here.keep("u", [{ callId: "c1", sealed: "S1" }]);
  assert.deepEqual(await there.find("u", ["c1"]), new Map([["c1", "S1"]]));
});
