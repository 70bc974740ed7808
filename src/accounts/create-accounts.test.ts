import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { GatewayError, createIdSource, systemClock } from "../core/index.ts";
import { createSqliteStore } from "../store/index.ts";
import { makeAccounts, type AccountsUnderTest } from "./testing.ts";
import { createAccounts } from "./create-accounts.ts";

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

async function refusal(promise: Promise<unknown>): Promise<{ code: string; param: string | undefined; message: string }> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof GatewayError, `not refused: ${String(error)}`);
  return { code: error.code, param: error.param, message: error.message };
}

const usernameRule = 'The username must be 1 to 64 characters of letters, digits, ".", "_", "@" and "-". Choose another one.';
/** The key that is made from the first 32 bytes of the counting random source. */
const firstKey = `tok_${"A".repeat(42)}E`;
const firstHash = createHash("sha256").update(firstKey).digest("hex");

describe("users", () => {
  test("are created, listed in the order of creation and found by id or name, regardless of case", async ({ accounts }) => {
    const alice = await accounts.createUser({ username: "Alice", email: "alice@example.org", role: "admin" });
    const bob = await accounts.createUser({ username: "bob" });
    assert.match(alice.id, /^usr_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.deepStrictEqual(
      [alice, bob],
      [
        {
          id: alice.id,
          username: "Alice",
          email: "alice@example.org",
          role: "admin",
          created_at: "2026-01-02T03:04:07.678Z",
          disabled_at: null,
          tags: [],
        },
        { id: bob.id, username: "bob", email: null, role: "user", created_at: "2026-01-02T03:04:09.678Z", disabled_at: null, tags: [] },
      ],
    );
    assert.deepStrictEqual(await accounts.listUsers(), [alice, bob]);
    assert.deepStrictEqual(await Promise.all([accounts.getUser(alice.id), accounts.getUser("aLICE"), accounts.getUser("bob")]), [
      alice,
      alice,
      bob,
    ]);
  });

  test("a name that is taken, in any case, is a conflict and changes nothing", async ({ accounts, store }) => {
    const alice = await accounts.createUser({ username: "Alice" });
    const revision = await store.readRevision();
    assert.deepStrictEqual(await refusal(accounts.createUser({ username: "aLiCe", role: "admin" })), {
      code: "conflict",
      param: "username",
      message: 'There is a user "aLiCe" already (case does not matter). Choose another username.',
    });
    assert.deepStrictEqual([await accounts.listUsers(), await store.readRevision()], [[alice], revision]);
  });

  test("only one of many concurrent requests for the same name gets it", async ({ accounts }) => {
    const results = await Promise.allSettled(["eve", "EVE", "Eve", "eVe"].map((username) => accounts.createUser({ username })));
    assert.deepStrictEqual(results.map(({ status }) => status).toSorted(), ["fulfilled", "rejected", "rejected", "rejected"]);
  });

  test("names that are refused, and why", async ({ accounts }) => {
    for (const username of ["", "a b", "ü", "a/b", "x".repeat(65), "a\n", undefined as unknown as string, 7 as unknown as string]) {
      assert.deepStrictEqual(await refusal(accounts.createUser({ username })), {
        code: "invalid_request",
        param: "username",
        message: usernameRule,
      });
    }
    for (const username of ["local", "LOCAL"]) {
      assert.deepStrictEqual(await refusal(accounts.createUser({ username })), {
        code: "invalid_request",
        param: "username",
        message: 'The username "local" is reserved. Choose another one.',
      });
    }
    for (const [username, prefix] of [
      ["usr_1", "usr_"],
      ["KEY_x", "key_"],
      [firstKey, "tok_"],
    ] as const) {
      assert.deepStrictEqual(await refusal(accounts.createUser({ username })), {
        code: "invalid_request",
        param: "username",
        message: `A username cannot begin with "${prefix}", as ids and keys do. Choose another one.`,
      });
    }
    assert.deepStrictEqual(await accounts.listUsers(), []);
  });

  test("the longest and the most unusual names that are allowed", async ({ accounts }) => {
    const names = ["a", "x".repeat(64), "a.b_c@d-e", "locals", "0", "__proto__"];
    for (const username of names) await accounts.createUser({ username });
    assert.deepStrictEqual(
      (await accounts.listUsers()).map(({ username }) => username),
      names,
    );
  });

  test("emails and roles that are refused", async ({ accounts }) => {
    for (const email of ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\u0000", `${"x".repeat(250)}@b.cd`, 7 as unknown as string]) {
      assert.deepStrictEqual(await refusal(accounts.createUser({ username: "u", email })), {
        code: "invalid_request",
        param: "email",
        message: "The email must look like name@example.org and have at most 254 characters. Correct it or leave it out.",
      });
    }
    assert.deepStrictEqual(await refusal(accounts.createUser({ username: "u", role: "root" as "admin" })), {
      code: "invalid_request",
      param: "role",
      message: 'The role must be "admin" or "user".',
    });
  });

  test("the error for an unknown user says what to do, and does not repeat what may be a key", async ({ accounts }) => {
    const advice = "`tokligence user list` shows the users, `tokligence user create` makes one.";
    const expected = (quoted: string): object => ({ code: "not_found", param: "user", message: `There is no user${quoted}. ${advice}` });
    assert.deepStrictEqual(
      [
        await refusal(accounts.getUser("bob")),
        await refusal(accounts.getUser(firstKey)),
        await refusal(accounts.getUser("a\nb")),
        await refusal(accounts.createKey({ user: "bob" })),
        await refusal(accounts.listKeys({ user: "bob" })),
        await refusal(accounts.revokeKey("key_1", { user: "bob" })),
      ],
      [expected(' "bob"'), expected(""), expected(""), expected(' "bob"'), expected(' "bob"'), expected(' "bob"')],
    );
    assert.deepStrictEqual(await refusal(accounts.getUser(undefined as unknown as string)), {
      code: "invalid_request",
      param: "user",
      message: "Say which user is meant, by id or username.",
    });
  });
});

describe("keys", () => {
  test("are 256 random bits, shown once and kept as their SHA-256", async ({ accounts, store }) => {
    const user = await accounts.createUser({ username: "alice" });
    const made = await accounts.createKey({ user: "ALICE", name: "laptop" });
    const shown = {
      id: made.id,
      user_id: user.id,
      username: "alice",
      name: "laptop",
      role: "user",
      prefix: "tok_AAAA",
      created_at: "2026-01-02T03:04:09.678Z",
      revoked_at: null,
      expires_at: null,
      models: null,
      parent_id: null,
      disabled_at: null,
      previous_until: null,
      tags: [],
      cache: "off",
      market: "peers",
    };
    assert.match(made.id, /^key_[0-9a-f-]{36}$/);
    assert.deepStrictEqual(made, { ...shown, key: firstKey });
    assert.deepStrictEqual(await accounts.listKeys(), [shown]);
    assert.deepStrictEqual(await store.db.selectFrom("api_keys").selectAll().execute(), [
      {
        id: made.id,
        user_id: user.id,
        name: "laptop",
        role: "user",
        hash: firstHash,
        prefix: "tok_AAAA",
        created_ms: Date.parse(shown.created_at),
        revoked_ms: null,
        expires_ms: null,
        models: null,
        parent_id: null,
        disabled_ms: null,
        previous_hash: null,
        previous_until_ms: null,
        tags: null,
        cache: null,
        market: null,
      },
    ]);
  });

  it("come from the system's random source unless another is given, and differ", async () => {
    const store = await createSqliteStore({ path: ":memory:", clock: systemClock });
    const accounts = createAccounts({ store, clock: systemClock, ids: createIdSource(systemClock), every: () => () => undefined });
    await accounts.createUser({ username: "a" });
    const keys = [await accounts.createKey({ user: "a" }), await accounts.createKey({ user: "a" })].map(({ key }) => key);
    for (const key of keys) assert.match(key, /^tok_[A-Za-z0-9_-]{43}$/);
    assert.equal(new Set(keys.map((key) => key.slice(0, 20))).size, 2);
    accounts.close();
    await store.close();
  });

  it("are not created from too few random bytes", async () => {
    const under = await makeAccounts(":memory:", { random: () => new Uint8Array(31) });
    await under.accounts.createUser({ username: "a" });
    await assert.rejects(under.accounts.createKey({ user: "a" }), RangeError);
    assert.deepStrictEqual(await under.accounts.listKeys(), []);
    await under.cleanUp();
  });

  test("have the user's role, or a lower one", async ({ accounts }) => {
    await accounts.createUser({ username: "root", role: "admin" });
    await accounts.createUser({ username: "bob" });
    const roles = [
      (await accounts.createKey({ user: "root" })).role,
      (await accounts.createKey({ user: "root", role: "user" })).role,
      (await accounts.createKey({ user: "bob" })).role,
    ];
    assert.deepStrictEqual(roles, ["admin", "user", "user"]);
    assert.deepStrictEqual(await refusal(accounts.createKey({ user: "bob", role: "admin" })), {
      code: "invalid_request",
      param: "role",
      message: 'The user "bob" is not an admin, so it cannot have an admin\'s key. Leave the role out, or name an admin.',
    });
    assert.equal((await accounts.listKeys({ user: "bob" })).length, 1);
  });

  test("names that are refused", async ({ accounts }) => {
    await accounts.createUser({ username: "bob" });
    for (const name of ["", "x".repeat(101), "a\nb", 7 as unknown as string]) {
      assert.deepStrictEqual(await refusal(accounts.createKey({ user: "bob", name })), {
        code: "invalid_request",
        param: "name",
        message: "The key's name must be 1 to 100 characters without control characters. Correct it or leave it out.",
      });
    }
  });

  test("are listed for all users or one, and revoked only once", async ({ accounts, store }) => {
    await accounts.createUser({ username: "a" });
    await accounts.createUser({ username: "b" });
    const { key: _a, ...ofA } = await accounts.createKey({ user: "a" });
    const { key: _b, ...ofB } = await accounts.createKey({ user: "b" });
    assert.deepStrictEqual([await accounts.listKeys(), await accounts.listKeys({ user: "B" })], [[ofA, ofB], [ofB]]);
    const revoked = await accounts.revokeKey(ofB.id);
    assert.deepStrictEqual(revoked, { ...ofB, revoked_at: "2026-01-02T03:04:14.678Z" });
    const revision = await store.readRevision();
    assert.deepStrictEqual(await accounts.revokeKey(ofB.id), revoked);
    assert.deepStrictEqual([await accounts.listKeys(), await store.readRevision()], [[ofA, revoked], revision]);
  });

  test("of another user are not found, just as unknown ones", async ({ accounts }) => {
    await accounts.createUser({ username: "a" });
    await accounts.createUser({ username: "b" });
    const ofA = await accounts.createKey({ user: "a" });
    const expected = (quoted: string): object => ({
      code: "not_found",
      param: "key_id",
      message: `There is no key with the id${quoted}. \`tokligence apikey list --ids\` shows the ids; a key's own text is not its id.`,
    });
    assert.deepStrictEqual(
      [
        await refusal(accounts.revokeKey(ofA.id, { user: "b" })),
        await refusal(accounts.revokeKey("key_9")),
        await refusal(accounts.revokeKey(ofA.key)),
      ],
      [expected(` "${ofA.id}"`), expected(' "key_9"'), expected("")],
    );
    assert.equal((await accounts.listKeys({ user: "a" }))[0]?.revoked_at, null);
    assert.notEqual((await accounts.revokeKey(ofA.id, { user: "a" })).revoked_at, null);
  });

  test("every change increases the revision by one", async ({ accounts, store }) => {
    const seen = [await store.readRevision()];
    await accounts.createUser({ username: "a" });
    seen.push(await store.readRevision());
    const key = await accounts.createKey({ user: "a" });
    seen.push(await store.readRevision());
    await accounts.revokeKey(key.id);
    seen.push(await store.readRevision());
    assert.deepStrictEqual(seen, [0, 1, 2, 3]);
  });
});
