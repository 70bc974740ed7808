import assert from "node:assert/strict";
import { test } from "node:test";
import type { MarketScope } from "../core/index.ts";
import { makeAccounts } from "./testing.ts";

test("a key's requests go to peers unless it says otherwise, and a key made with it goes no further", async () => {
  const { accounts, cleanUp } = await makeAccounts();
  const scopeOf = async (key: string): Promise<MarketScope | undefined> => (await accounts.authenticate(key))?.market;
  await accounts.createUser({ username: "alice" });
  const usual = await accounts.createKey({ user: "alice" });
  const off = await accounts.createKey({ user: "alice", market: "off" });
  const any = await accounts.createKey({ user: "alice", market: "any" });
  const child = await accounts.createKey({ user: "alice", parent: off.id, market: "any" });
  assert.deepEqual([usual.market, off.market, any.market, child.market], ["peers", "off", "any", "any"]);
  assert.deepEqual(
    [await scopeOf(usual.key), await scopeOf(off.key), await scopeOf(any.key), await scopeOf(child.key)],
    [undefined, "off", "any", "off"],
  );

  // In force at once, also for keys that are in memory.
  assert.equal((await accounts.updateKey(usual.id, { market: "off" })).market, "off");
  assert.equal((await accounts.updateKey(off.id, { market: "any" })).market, "any");
  assert.deepEqual([await scopeOf(usual.key), await scopeOf(off.key), await scopeOf(child.key)], ["off", "any", "any"]);
  const wrong = "of" as MarketScope;
  await assert.rejects(async () => accounts.updateKey(off.id, { market: wrong }), { code: "invalid_request", param: "market" });
  await assert.rejects(async () => accounts.createKey({ user: "alice", market: wrong }), { code: "invalid_request", param: "market" });
  await accounts.revokeKey(off.id);
  await assert.rejects(async () => accounts.updateKey(off.id, { market: "off" }), { code: "conflict" });
  await cleanUp();
});
