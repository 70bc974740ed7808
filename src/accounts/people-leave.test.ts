import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError } from "../core/index.ts";
import { makeAccounts, type AccountsUnderTest } from "./testing.ts";
import { keyLabel } from "./names.ts";

function test(title: string, body: (under: AccountsUnderTest) => Promise<void>): void {
  void it(title, async () => {
    const under = await makeAccounts();
    try {
      await body(under);
    } finally {
      await under.cleanUp();
    }
  });
}

async function refusal(promise: Promise<unknown>): Promise<readonly [string, string]> {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof GatewayError, `not refused: ${String(error)}`);
  return [error.code, error.message];
}

describe("a user who leaves", () => {
  test("is disabled: all keys are refused at once, the rows stay, and enabling undoes it but for revoked keys", async ({
    accounts,
    store,
  }) => {
    await accounts.createUser({ username: "root", role: "admin" });
    const bob = await accounts.createUser({ username: "bob" });
    const key = await accounts.createKey({ user: "bob" });
    const child = await accounts.createKey({ user: "bob", parent: key.id });
    const revoked = await accounts.createKey({ user: "bob" });
    await accounts.revokeKey(revoked.id);
    const served = async (): Promise<boolean[]> =>
      await Promise.all([key, child, revoked].map(async (one) => (await accounts.authenticate(one.key)) !== undefined));
    assert.deepEqual(await served(), [true, true, false]);
    const revision = await store.readRevision();
    const disabled = await accounts.disableUser("BOB");
    assert.deepEqual({ ...disabled, disabled_at: null }, bob);
    assert.deepEqual(await served(), [false, false, false]);
    assert.deepEqual(await accounts.disableUser(bob.id), disabled, "its time stays");
    assert.equal(await store.readRevision(), revision + 1);
    assert.equal((await accounts.listKeys({ user: "bob" })).length, 3);
    assert.deepEqual(await refusal(accounts.createKey({ user: "bob" })), [
      "conflict",
      'The user "bob" is disabled. `tokligence user enable bob` undoes that.',
    ]);
    assert.deepEqual(await accounts.enableUser("bob"), bob);
    assert.deepEqual(await served(), [true, true, false]);
  });

  test("changes email and role; keys lose what is the admins' with the role, and get it back with it", async ({ accounts }) => {
    await accounts.createUser({ username: "root", role: "admin" });
    await accounts.createUser({ username: "bob", role: "admin", email: "bob@example.org" });
    const { key } = await accounts.createKey({ user: "bob" });
    const role = async (): Promise<string | undefined> => (await accounts.authenticate(key))?.role;
    assert.equal(await role(), "admin");
    const changed = await accounts.updateUser("bob", { role: "user", email: null });
    assert.deepEqual([changed.role, changed.email, await role()], ["user", null, "user"]);
    assert.deepEqual((await accounts.updateUser("bob", { email: "b@example.org" })).role, "user");
    await accounts.updateUser("bob", { role: "admin" });
    assert.equal(await role(), "admin");
    assert.deepEqual((await refusal(accounts.updateUser("bob", { email: "b" })))[0], "invalid_request");
    assert.deepEqual((await refusal(accounts.updateUser("nobody", { role: "user" })))[0], "not_found");
  });

  test("the last admin can neither be disabled nor lose the role", async ({ accounts }) => {
    await accounts.createUser({ username: "root", role: "admin" });
    await accounts.createUser({ username: "bob", role: "admin" });
    await accounts.disableUser("root");
    const last = ["conflict", '"bob" is the last admin. Make another one first, as in: tokligence user create NAME --role admin'];
    assert.deepEqual(await refusal(accounts.disableUser("bob")), last);
    assert.deepEqual(await refusal(accounts.updateUser("bob", { role: "user" })), last);
    await accounts.enableUser("root");
    assert.equal((await accounts.disableUser("bob")).disabled_at !== null, true);
  });
});

describe("names and pages", () => {
  test("users and keys come page by page, in the order in which they were made", async ({ accounts }) => {
    const users = [];
    for (const username of ["a", "b", "c"]) users.push(await accounts.createUser({ username }));
    const keys = [];
    for (const user of ["a", "b", "a", "a"]) keys.push((await accounts.createKey({ user })).id);
    assert.deepEqual(await accounts.listUsers({ limit: 2 }), users.slice(0, 2));
    assert.deepEqual(await accounts.listUsers({ limit: 2, after: users[1]!.id }), users.slice(2));
    const ids = async (page: Parameters<typeof accounts.listKeys>[0]): Promise<string[]> =>
      (await accounts.listKeys(page)).map(({ id }) => id);
    assert.deepEqual(await ids({ limit: 3, after: keys[0]! }), keys.slice(1));
    assert.deepEqual(await ids({ user: "a", limit: 2 }), [keys[0], keys[2]]);
    assert.deepEqual(await ids({ user: "a", limit: 2, after: keys[2]! }), [keys[3]]);
  });

  test("a key is found by its prefix if no other has the same, and both are named for people", async ({ accounts, store }) => {
    const alice = await accounts.createUser({ username: "alice" });
    const [named, bare] = [await accounts.createKey({ user: "alice", name: "laptop" }), await accounts.createKey({ user: "alice" })];
    assert.deepEqual((await refusal(accounts.getKey("tok_AAAA")))[0], "conflict", "both begin so");
    await store.db.updateTable("api_keys").set({ prefix: "tok_BBBB" }).where("id", "=", bare.id).execute();
    assert.deepEqual([(await accounts.getKey("tok_AAAA…")).id, (await accounts.getKey("tok_BBBB")).id], [named.id, bare.id]);
    const { users, keys } = await accounts.readNames([alice.id, "local", alice.id], [named.id, bare.id, "key_9"]);
    assert.deepEqual(
      [[...users], new Map(keys)],
      [
        [[alice.id, "alice"]],
        new Map([
          [named.id, "laptop (tok_AAAA…)"],
          [bare.id, "tok_BBBB…"],
        ]),
      ],
    );
    assert.equal(keyLabel(named), "laptop (tok_AAAA…)");
  });
});
