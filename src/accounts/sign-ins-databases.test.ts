import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migratedPostgres } from "../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../tests/testbed/shared-postgres.ts";
import { createIdSource, GatewayError } from "../core/index.ts";
import { createPostgresStore } from "../store/index.ts";
import { createIdentities, type Identities } from "./identities.ts";
import { createSessions } from "./sessions.ts";
import { countingRandom, makeAccounts, startMs, steppingClock, type AccountsUnderTest } from "./testing.ts";

const dayMs = 86_400_000;

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { code: error.code, message: error.message };
  }
}

const person = { issuer: "https://id", subject: "1", username: "Ann_1", email: "ann@example.org", isSignIn: true } as const;

function identitiesOf({ accounts, store }: AccountsUnderTest): Identities {
  const clock = steppingClock();
  const ids = createIdSource(clock, countingRandom());
  // Keys have other random bytes than those of the accounts.
  const random = (size: number): Uint8Array => new Uint8Array(size).fill(7 + (turn += 1));
  let turn = 0;
  return createIdentities({ store, clock, ids, random, onChanged: (id) => accounts.noteChange(id) });
}

/** All that sessions and identities do, one after the other; what each step gave. */
async function play(under: AccountsUnderTest): Promise<readonly unknown[]> {
  const { accounts, store } = under;
  const clock = steppingClock();
  const sessions = createSessions({ store, clock, ids: createIdSource(clock, countingRandom()), random: countingRandom() });
  const identities = identitiesOf(under);
  const seen: unknown[] = [];
  const step = async (promise: Promise<unknown>): Promise<void> => void seen.push(await outcome(promise));
  const keysEndMs = startMs + 30 * dayMs;
  await accounts.createUser({ username: "ann_1" });
  const admitted = await identities.admit({ ...person, role: "admin", keysEndMs, refreshToken: "sealed" });
  await step(Promise.resolve(admitted));
  await step(accounts.getUser(admitted.userId));
  const { token, session } = await sessions.create({ ...admitted, method: "sso", address: "::1", client: "x" });
  await step(Promise.resolve([token, session]));
  await step(sessions.authenticate(token));
  const { key } = await accounts.createKey({ user: admitted.userId, parent: admitted.keyId });
  const { key: other } = await accounts.createKey({ user: admitted.userId, parent: admitted.keyId, expires: "1d" });
  await step(identities.admit({ ...person, role: "user", keysEndMs: keysEndMs + dayMs, refreshToken: undefined, isSignIn: false }));
  await step(accounts.listKeys({ user: admitted.userId }));
  await step(Promise.all([key, other].map(async (text) => await accounts.authenticate(text))));
  await step(identities.due(startMs + dayMs, 10));
  await step(identities.due(startMs, 10));
  const [found] = await identities.due(startMs + dayMs, 10);
  await step(identities.claim(found!));
  await step(identities.claim(found!));
  const uses = await Promise.all([1, 2, 3].map(() => identities.useOnce("a", startMs + dayMs)));
  await step(Promise.resolve(uses.filter((isFirst) => isFirst).length));
  await step(identities.end(person));
  await step(identities.end(person));
  await step(identities.end({ ...person, subject: "2" }));
  await step(sessions.authenticate(token));
  await step(Promise.all([key, other].map(async (text) => await accounts.authenticate(text))));
  await step(identities.due(startMs + dayMs, 10));
  await step(identities.admit({ ...person, role: "user", keysEndMs, refreshToken: undefined, isSignIn: false }));
  await step(identities.admit({ ...person, role: "user", keysEndMs, refreshToken: undefined }));
  await accounts.disableUser(admitted.userId);
  await step(identities.admit({ ...person, role: "user", keysEndMs, refreshToken: undefined }));
  await accounts.eraseUser(admitted.userId);
  await step(store.db.selectFrom("identities").selectAll().execute());
  await step(store.db.selectFrom("sessions").selectAll().execute());
  return seen;
}

describe("sessions and identities on PostgreSQL", { skip: withoutPostgres }, () => {
  it("do as they do on SQLite, step by step", async () => {
    const place = await migratedPostgres();
    const store = await createPostgresStore({ place, clock: { now: () => startMs, monotonic: () => 0 }, pool: 4 });
    const [sqlite, postgresql] = [await makeAccounts(), await makeAccounts("", { store })];
    try {
      const steps = await play(sqlite);
      assert.deepEqual(await play(postgresql), steps);
      assert.deepEqual(steps.slice(8, 13), [[], true, false, 1, { ...(steps[0] as object) }]);
      assert.deepEqual(steps.slice(-3), [
        { code: "sign_in_refused", message: 'The sign-in is refused: the user "Ann_1-2" is disabled. Ask an admin of the gateway.' },
        [],
        [],
      ]);
    } finally {
      await Promise.all([sqlite.cleanUp(), postgresql.cleanUp()]);
    }
  });

  it("of many sign-ins of one person at once, one makes the user", async () => {
    const place = await migratedPostgres();
    const store = await createPostgresStore({ place, clock: { now: () => startMs, monotonic: () => 0 }, pool: 4 });
    const under = await makeAccounts("", { store });
    try {
      const identities = identitiesOf(under);
      const input = { ...person, role: "user", keysEndMs: startMs + dayMs, refreshToken: undefined } as const;
      const users = await Promise.all(Array.from({ length: 8 }, () => identities.admit(input)));
      assert.equal(new Set(users.map(({ userId, keyId }) => `${userId} ${keyId}`)).size, 1);
      assert.equal((await under.accounts.listUsers()).length, 1);
    } finally {
      await under.cleanUp();
    }
  });
});
