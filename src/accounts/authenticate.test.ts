import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Logger } from "../core/index.ts";
import { createSqliteStore, type Store } from "../store/index.ts";
import { makeAccounts, steppingClock } from "./testing.ts";
import type { Accounts, NewApiKey, Principal } from "./types.ts";

/** A store that counts the look-ups of keys, and can hold or fail them. */
interface WatchedStore {
  readonly store: Store;
  readonly lookUps: () => number;
  /** While set, look-ups wait for it after they have read. */
  hold: Promise<void> | undefined;
  down: boolean;
}

async function makeWatched(): Promise<WatchedStore> {
  const inner = await createSqliteStore({ path: ":memory:", clock: steppingClock() });
  let lookUps = 0;
  const db = new Proxy(inner.db, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (watched.down) throw new Error("the database is away");
        const result: unknown = Reflect.apply(value, target, args);
        if (property !== "withRecursive") return result;
        return holdExecution(result as object);
      };
    },
  });
  /** Builders give builders: follow them to the end. */
  const holdExecution = (builder: object): object =>
    new Proxy(builder, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          const result: unknown = Reflect.apply(value, target, args);
          if (property !== "execute") return result instanceof Promise ? result : holdExecution(result as object);
          lookUps++;
          return (async () => {
            const row = await (result as Promise<unknown>);
            await watched.hold;
            return row;
          })();
        };
      },
    });
  const watched: WatchedStore = {
    store: { ...inner, db, readRevision: () => (watched.down ? Promise.reject(new Error("the database is away")) : inner.readRevision()) },
    lookUps: () => lookUps,
    hold: undefined,
    down: false,
  };
  return watched;
}

async function makeKey(accounts: Accounts, username = "alice"): Promise<{ made: NewApiKey; principal: Principal }> {
  const user = await accounts.createUser({ username });
  const made = await accounts.createKey({ user: username });
  return { made, principal: { userId: user.id, username, keyId: made.id, role: "user" } };
}

const guess = (n: number): string => `tok_${String(n).padStart(43, "0")}`;

describe("authenticate", () => {
  it("reads a key once and then answers at once", async () => {
    const watched = await makeWatched();
    const { accounts, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made, principal } = await makeKey(accounts);
    const first = accounts.authenticate(made.key);
    assert.ok(first instanceof Promise);
    assert.deepStrictEqual(await first, principal);
    assert.deepStrictEqual(accounts.authenticate(made.key), principal);
    assert.equal(watched.lookUps(), 1);
    await cleanUp();
  });

  it("gives the key's role, which may be less than the user's", async () => {
    const { accounts, cleanUp } = await makeAccounts();
    const root = await accounts.createUser({ username: "root", role: "admin" });
    const made = await accounts.createKey({ user: "root", role: "user" });
    assert.deepStrictEqual(await accounts.authenticate(made.key), { userId: root.id, username: "root", keyId: made.id, role: "user" });
    await cleanUp();
  });

  it("refuses what can be no key without asking the database", async () => {
    const watched = await makeWatched();
    const { accounts, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made } = await makeKey(accounts);
    const texts = [
      "",
      "tok_",
      made.key.slice(0, -1),
      `${made.key}A`,
      ` ${made.key.slice(1)}`,
      made.key.replace("tok_", "TOK_"),
      `tok_${"é".repeat(43)}`,
    ];
    assert.deepStrictEqual(
      texts.map((text) => accounts.authenticate(text)),
      texts.map(() => undefined),
    );
    assert.equal(watched.lookUps(), 0);
    await cleanUp();
  });

  it("takes the whole key: one that differs anywhere is unknown, and asked for once", async () => {
    const watched = await makeWatched();
    const { accounts, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made } = await makeKey(accounts);
    const others = Array.from({ length: made.key.length - 4 }, (_, i) => {
      const at = i + 4;
      return `${made.key.slice(0, at)}${made.key[at] === "x" ? "y" : "x"}${made.key.slice(at + 1)}`;
    });
    for (const other of others) assert.equal(await accounts.authenticate(other), undefined);
    for (const other of others) assert.equal(accounts.authenticate(other), undefined);
    assert.equal(watched.lookUps(), others.length);
    await cleanUp();
  });

  it("shares one look-up between all who ask for the same key at the same time", async () => {
    const watched = await makeWatched();
    const { accounts, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made, principal } = await makeKey(accounts);
    const answers = await Promise.all([
      ...Array.from({ length: 50 }, () => accounts.authenticate(made.key)),
      accounts.authenticate(guess(1)),
    ]);
    assert.deepStrictEqual(answers, [...Array.from({ length: 50 }, () => principal), undefined]);
    assert.equal(watched.lookUps(), 2);
    await cleanUp();
  });

  it("thousands of guesses do not push a good key out of the cache", async () => {
    const watched = await makeWatched();
    const { accounts, cleanUp } = await makeAccounts(":memory:", { store: watched.store, cacheSize: 2 });
    const { made, principal } = await makeKey(accounts);
    await accounts.authenticate(made.key);
    for (let i = 0; i < 3000; i++) await accounts.authenticate(guess(i));
    assert.deepStrictEqual(accounts.authenticate(made.key), principal);
    // The oldest guesses are forgotten, so memory is bounded; the newest are not.
    assert.equal(accounts.authenticate(guess(2999)), undefined);
    const oldest = accounts.authenticate(guess(0));
    assert.ok(oldest instanceof Promise);
    assert.equal(await oldest, undefined);
    await cleanUp();
  });

  it("a key that this process revokes is refused at once", async () => {
    const { accounts, cleanUp } = await makeAccounts();
    const { made } = await makeKey(accounts);
    await accounts.authenticate(made.key);
    await accounts.revokeKey(made.id);
    assert.equal(await accounts.authenticate(made.key), undefined);
    assert.equal(accounts.authenticate(made.key), undefined);
    await cleanUp();
  });

  it("a look-up that began before a revocation neither stays nor is joined after it", async () => {
    const watched = await makeWatched();
    const { accounts, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made, principal } = await makeKey(accounts);
    const held = Promise.withResolvers<void>();
    watched.hold = held.promise;
    const early = accounts.authenticate(made.key);
    await new Promise((resolve) => setImmediate(resolve));
    watched.hold = undefined;
    await accounts.revokeKey(made.id);
    const late = await accounts.authenticate(made.key);
    held.resolve();
    assert.deepStrictEqual([await early, late, await accounts.authenticate(made.key)], [principal, undefined, undefined]);
    await cleanUp();
  });
});

describe("authenticate: changes by others", () => {
  it("are looked for every 250 ms, or as often as is said, until it is closed", async () => {
    const [usual, given] = [await makeAccounts(), await makeAccounts(":memory:", { pollMs: 40 })];
    assert.deepStrictEqual([usual.intervals, given.intervals, usual.stopped()], [[250], [40], false]);
    usual.accounts.close();
    assert.equal(usual.stopped(), true);
    await usual.cleanUp();
    await given.cleanUp();
  });

  it("the caches are kept while nothing changes", async () => {
    const watched = await makeWatched();
    const { accounts, tick, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made } = await makeKey(accounts);
    await tick();
    await accounts.authenticate(made.key);
    await tick();
    await tick();
    assert.ok(!(accounts.authenticate(made.key) instanceof Promise));
    assert.equal(watched.lookUps(), 1);
    await cleanUp();
  });

  it("a change between start and the first check is seen by the first check", async () => {
    const watched = await makeWatched();
    const { accounts, tick, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made } = await makeKey(accounts);
    await accounts.authenticate(made.key);
    await watched.store.db.updateTable("api_keys").set({ revoked_ms: 1 }).execute();
    await watched.store.bumpRevision();
    await tick();
    assert.equal(await accounts.authenticate(made.key), undefined);
    await cleanUp();
  });

  it("a key that was unknown and was then made elsewhere is taken", async () => {
    const { accounts, store, tick, cleanUp } = await makeAccounts();
    const { made, principal } = await makeKey(accounts);
    await store.db.updateTable("api_keys").set({ revoked_ms: 1 }).execute();
    await tick();
    assert.equal(await accounts.authenticate(made.key), undefined);
    await store.db.updateTable("api_keys").set({ revoked_ms: null }).execute();
    await store.bumpRevision();
    await tick();
    assert.deepStrictEqual(await accounts.authenticate(made.key), principal);
    await cleanUp();
  });

  it("a look-up from before a change that is still under way does not stay", async () => {
    const watched = await makeWatched();
    const { accounts, tick, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const { made, principal } = await makeKey(accounts);
    await tick();
    const held = Promise.withResolvers<void>();
    watched.hold = held.promise;
    const early = accounts.authenticate(made.key);
    await new Promise((resolve) => setImmediate(resolve));
    watched.hold = undefined;
    await watched.store.db.updateTable("api_keys").set({ revoked_ms: 1 }).execute();
    await watched.store.bumpRevision();
    await tick();
    held.resolve();
    assert.deepStrictEqual([await early, await accounts.authenticate(made.key)], [principal, undefined]);
    await cleanUp();
  });
});

describe("authenticate: the database is away", () => {
  it("known keys go on, others get a 503 that is not kept, and it is logged once each way", async () => {
    const watched = await makeWatched();
    const lines: [string, string][] = [];
    const note =
      (level: string) =>
      (_fields: object, message: string): void => {
        lines.push([level, message]);
      };
    const logger: Logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    const { accounts, tick, cleanUp } = await makeAccounts(":memory:", { store: watched.store, logger });
    const alice = await makeKey(accounts);
    const bob = await makeKey(accounts, "bob");
    await tick();
    await accounts.authenticate(alice.made.key);
    await accounts.authenticate(guess(1));
    watched.down = true;
    await tick();
    await tick();
    assert.deepStrictEqual([accounts.authenticate(alice.made.key), accounts.authenticate(guess(1))], [alice.principal, undefined]);
    await assert.rejects(Promise.resolve(accounts.authenticate(bob.made.key)), {
      name: "GatewayError",
      code: "database_unavailable",
      status: 503,
      kind: "overloaded",
      retryAfterSeconds: 1,
      message: "The API key could not be checked, as the database does not answer. Try again in a moment.",
    });
    watched.down = false;
    await tick();
    assert.deepStrictEqual(await accounts.authenticate(bob.made.key), bob.principal);
    assert.deepStrictEqual(lines, [
      ["warn", "users and keys cannot be read from the database: known keys go on, changes are not seen"],
      ["info", "users and keys can be read from the database again"],
    ]);
    await cleanUp();
  });

  it("keys that were known are admitted also after a change, until the database can confirm it; not those that the change is about", async () => {
    const watched = await makeWatched();
    const { accounts, store, tick, cleanUp } = await makeAccounts(":memory:", { store: watched.store });
    const [alice, bob, eve] = [await makeKey(accounts), await makeKey(accounts, "bob"), await makeKey(accounts, "eve")];
    const all = [alice, bob, eve];
    const ask = async (): Promise<unknown[]> =>
      await Promise.all(
        all.map(async ({ made }) => {
          try {
            return await accounts.authenticate(made.key);
          } catch (error) {
            return (error as { code: string }).code;
          }
        }),
      );
    await tick();
    assert.deepStrictEqual(await ask(), [alice.principal, bob.principal, eve.principal]);
    await accounts.revokeKey(bob.made.id);
    await tick();
    watched.down = true;
    assert.deepStrictEqual(await ask(), [alice.principal, "database_unavailable", eve.principal]);
    assert.deepStrictEqual(await ask(), [alice.principal, "database_unavailable", eve.principal], "at once, from now on");
    watched.down = false;
    await store.db.updateTable("api_keys").set({ revoked_ms: 1 }).where("id", "=", eve.made.id).execute();
    await store.bumpRevision();
    await tick();
    assert.deepStrictEqual(await ask(), [alice.principal, undefined, undefined]);
    watched.down = true;
    assert.deepStrictEqual(await ask(), [alice.principal, undefined, undefined], "what was found revoked stays so");
    await cleanUp();
  });

  it("a database that does not answer in time counts as away", async () => {
    const watched = await makeWatched();
    const { accounts, tick, cleanUp } = await makeAccounts(":memory:", { store: watched.store, keyDeadlineMs: 5 });
    const alice = await makeKey(accounts);
    await tick();
    const held = Promise.withResolvers<void>();
    watched.hold = held.promise;
    await assert.rejects(Promise.resolve(accounts.authenticate(alice.made.key)), { code: "database_unavailable" });
    held.resolve();
    watched.hold = undefined;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepStrictEqual(await accounts.authenticate(alice.made.key), alice.principal);
    await cleanUp();
  });

  it("a slow check is not asked for again while it is under way", async () => {
    const held = Promise.withResolvers<number>();
    let readings = 0;
    const watched = await makeWatched();
    const store: Store = {
      ...watched.store,
      readRevision() {
        readings++;
        return held.promise;
      },
    };
    const under = await makeAccounts(":memory:", { store });
    const ticks = [under.tick(), under.tick(), under.tick()];
    assert.equal(readings, 1);
    held.resolve(1);
    await Promise.all(ticks);
    await under.tick();
    assert.equal(readings, 2);
    await under.cleanUp();
  });
});
