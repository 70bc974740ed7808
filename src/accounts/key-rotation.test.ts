import assert from "node:assert/strict";
import { test } from "node:test";
import { createIdSource, systemClock } from "../core/index.ts";
import { createSqliteStore } from "../store/index.ts";
import { createAccounts } from "./create-accounts.ts";
import type { Accounts, Principal } from "./types.ts";

const startMs = Date.UTC(2026, 10, 1);

async function withAccounts(run: (accounts: Accounts, pass: (ms: number) => void) => Promise<void>): Promise<void> {
  let nowMs = startMs;
  const clock = { ...systemClock, now: () => nowMs };
  const store = await createSqliteStore({ path: ":memory:", clock });
  const accounts = createAccounts({ store, clock, ids: createIdSource(clock) });
  try {
    await run(accounts, (ms) => (nowMs += ms));
  } finally {
    accounts.close();
    await store.close();
  }
}

const keyOf = async (accounts: Accounts, key: string): Promise<Principal | undefined> => await accounts.authenticate(key);

test("a rotated key keeps its id and the keys made with it, and its former text ends with the overlap", async () => {
  await withAccounts(async (accounts, pass) => {
    await accounts.createUser({ username: "alice" });
    const first = await accounts.createKey({ user: "alice", name: "laptop" });
    const child = await accounts.createKey({ user: "alice", parent: first.id });
    assert.equal((await keyOf(accounts, first.key))?.keyId, first.id);
    const second = await accounts.rotateKey(first.id, { overlap: "24h" });
    assert.deepEqual([second.id, second.name, second.previous_until], [first.id, "laptop", "2026-11-02T00:00:00.000Z"]);
    assert.notEqual(second.key, first.key);
    for (const key of [first.key, second.key]) assert.equal((await keyOf(accounts, key))?.keyId, first.id);
    assert.equal((await keyOf(accounts, child.key))?.keyId, child.id);
    pass(86_400_000);
    await assert.rejects(async () => keyOf(accounts, first.key), { code: "expired_api_key" });
    assert.equal((await keyOf(accounts, second.key))?.keyId, first.id);
    const third = await accounts.rotateKey(second.id);
    assert.deepEqual([third.previous_until, await keyOf(accounts, second.key)], [null, undefined]);
    assert.equal((await keyOf(accounts, third.key))?.keyId, first.id);
    await assert.rejects(accounts.rotateKey(first.id, { overlap: "soon" }), { code: "invalid_request" });
    await accounts.revokeKey(first.id);
    await assert.rejects(accounts.rotateKey(first.id), { code: "conflict" });
  });
});

test("a disabled key, and those made with it, are refused until it is enabled", async () => {
  await withAccounts(async (accounts) => {
    await accounts.createUser({ username: "alice" });
    const key = await accounts.createKey({ user: "alice" });
    const child = await accounts.createKey({ user: "alice", parent: key.id });
    await keyOf(accounts, key.key);
    const disabled = await accounts.disableKey(key.prefix);
    assert.equal(disabled.disabled_at, "2026-11-01T00:00:00.000Z");
    assert.deepEqual([await keyOf(accounts, key.key), await keyOf(accounts, child.key)], [undefined, undefined]);
    assert.equal((await accounts.enableKey(key.id)).disabled_at, null);
    assert.equal((await keyOf(accounts, child.key))?.keyId, child.id);
  });
});

test("what a key may do is changed, and what is omitted stays", async () => {
  await withAccounts(async (accounts) => {
    await accounts.createUser({ username: "alice" });
    const { id } = await accounts.createKey({ user: "alice", name: "old", models: ["gpt-*"] });
    const { name, models, expires_at: expires, tags } = await accounts.updateKey(id, { name: "new", expires: "1d", tags: ["a"] });
    assert.deepEqual([name, models, expires, tags], ["new", ["gpt-*"], "2026-11-02T00:00:00.000Z", ["a"]]);
    const all = await accounts.updateKey(id, { models: null, expires: null });
    assert.deepEqual([all.name, all.models, all.expires_at], ["new", null, null]);
  });
});

test("an erased user has no name, email or key, and cannot come back", async () => {
  await withAccounts(async (accounts) => {
    const { id } = await accounts.createUser({ username: "alice", email: "alice@example.org", tags: ["team:alice"] });
    const key = await accounts.createKey({ user: "alice", name: "alice's laptop" });
    const erased = await accounts.eraseUser("alice");
    assert.deepEqual(
      [erased.id, erased.username, erased.email, erased.tags, typeof erased.disabled_at],
      [id, `erased-${id.slice(-12)}`, null, [], "string"],
    );
    const [left] = await accounts.listKeys({ user: id });
    assert.deepEqual([left!.name, left!.revoked_at, await keyOf(accounts, key.key)], [null, "2026-11-01T00:00:00.000Z", undefined]);
    await assert.rejects(accounts.getUser("alice"), { code: "not_found" });
    await assert.rejects(accounts.enableUser(id), { code: "conflict" });
    await assert.rejects(accounts.updateUser(id, { email: "a@b" }), { code: "conflict" });
    await accounts.createUser({ username: "alice" });
  });
});
