import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migratedPostgres } from "../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../tests/testbed/shared-postgres.ts";
import { GatewayError } from "../core/index.ts";
import { createPostgresStore, type Store } from "../store/index.ts";
import { makeAccounts, startMs, type AccountsUnderTest } from "./testing.ts";

async function openPostgres(): Promise<Store> {
  return await createPostgresStore({ place: await migratedPostgres(), clock: { now: () => startMs, monotonic: () => 0 }, pool: 4 });
}

/** What came of it, errors as what the client sees. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { code: error.code, param: error.param, message: error.message };
  }
}

/** All that accounts do, one after the other; what each step gave, and the revision after it. */
async function play({ accounts, store }: AccountsUnderTest): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const step = async (promise: Promise<unknown>): Promise<void> => {
    told.push([await outcome(promise), await store.readRevision()]);
  };
  await step(accounts.createUser({ username: "Zoe", email: "zoe@example.org", role: "admin" }));
  await step(accounts.createUser({ username: "bob" }));
  await step(accounts.createUser({ username: "ZOE" }));
  await step(accounts.listUsers());
  await step(accounts.getUser("zOE"));
  await step(accounts.getUser("nobody"));
  const key = await accounts.createKey({ user: "bob", name: "laptop" });
  await step(Promise.resolve(key));
  await step(accounts.createKey({ user: "bob", role: "admin" }));
  const child = await accounts.createKey({ user: "bob", parent: key.id, models: ["gpt-*"] });
  const grandchild = await accounts.createKey({ user: "bob", parent: child.id, expires: "1h" });
  await step(Promise.resolve(grandchild));
  await step(accounts.createKey({ user: "zoe", parent: child.id }));
  await step(Promise.resolve(accounts.authenticate(grandchild.key)));
  await step(accounts.listKeys());
  await step(Promise.resolve(accounts.authenticate(key.key)));
  await step(accounts.revokeKey(key.id));
  await step(accounts.revokeKey(key.id));
  await step(Promise.resolve(accounts.authenticate(key.key)));
  await step(Promise.resolve(accounts.authenticate(grandchild.key)));
  await step(accounts.createKey({ user: "bob", parent: grandchild.id }));
  await step(accounts.listKeys({ user: "bob" }));
  return told;
}

describe("accounts on PostgreSQL", { skip: withoutPostgres }, () => {
  it("do as they do on SQLite, step by step", async () => {
    const [sqlite, postgresql] = [await makeAccounts(), await makeAccounts("", { store: await openPostgres() })];
    try {
      assert.deepEqual(await play(postgresql), await play(sqlite));
    } finally {
      await Promise.all([sqlite.cleanUp(), postgresql.cleanUp()]);
    }
  });

  it("of many who want one name at once, one gets it", async () => {
    const under = await makeAccounts("", { store: await openPostgres() });
    try {
      const outcomes = await Promise.all(Array.from({ length: 12 }, () => outcome(under.accounts.createUser({ username: "one" }))));
      const made = outcomes.filter((one) => "id" in (one as object));
      assert.deepEqual([made.length, (await under.accounts.listUsers()).length, await under.store.readRevision()], [1, 1, 1]);
    } finally {
      await under.cleanUp();
    }
  });
});
