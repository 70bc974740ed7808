import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GatewayError, type Clock } from "../core/index.ts";
import { makeAccounts, startMs } from "./testing.ts";
import type { Accounts } from "./types.ts";
import { checkModels, readExpiry } from "./validate.ts";

const day = 86_400_000;

function errorOf(run: () => unknown): { code: string; param: string | undefined } {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return { code: error.code, param: error.param };
  }
  return assert.fail("nothing was thrown");
}

async function withClock(body: (accounts: Accounts, at: { ms: number }) => Promise<void>): Promise<void> {
  const at = { ms: startMs };
  const clock: Clock = { now: () => at.ms, monotonic: () => 0 };
  const { accounts, cleanUp } = await makeAccounts(":memory:", { clock });
  try {
    await accounts.createUser({ username: "alice" });
    await body(accounts, at);
  } finally {
    await cleanUp();
  }
}

describe("the expiry of a key", () => {
  it("is a time or a duration from now", () => {
    assert.deepStrictEqual(
      ["30d", "12h", "5m", "2027-01-31T00:00:00Z", "2027-01-31T01:00:00.5+01:00"].map((text) => readExpiry(text, startMs)),
      [startMs + 30 * day, startMs + day / 2, startMs + 300_000, Date.UTC(2027, 0, 31), Date.UTC(2027, 0, 31, 0, 0, 0, 500)],
    );
    assert.equal(readExpiry(undefined, startMs), null);
  });

  it("is refused if it is in the past, not a time, or later than allowed", () => {
    const invalid = { code: "invalid_request", param: "expires" };
    for (const text of [
      "",
      "soon",
      "30",
      "0d",
      "-1d",
      "2027-02-30",
      "2027-01-31T00:00:00",
      "2020-01-01T00:00:00Z",
      5,
      "2027-13-01T00:00:00Z",
      "2027-02-29T00:00:00Z",
    ]) {
      assert.deepStrictEqual(
        errorOf(() => readExpiry(text, startMs)),
        invalid,
        String(text),
      );
    }
    const limit = new Date(startMs + day).toISOString();
    assert.equal(readExpiry("24h", startMs, limit), startMs + day);
    assert.deepStrictEqual(
      errorOf(() => readExpiry("25h", startMs, limit)),
      invalid,
    );
  });

  it("follows the clock, in the cache too, and is named in the 401", () =>
    withClock(async (accounts, at) => {
      const { key, expires_at } = await accounts.createKey({ user: "alice", expires: "1h" });
      assert.equal(expires_at, new Date(startMs + 3_600_000).toISOString());
      assert.notEqual(await accounts.authenticate(key), undefined);
      at.ms += 3_599_999;
      assert.notEqual(accounts.authenticate(key), undefined);
      at.ms += 1;
      const expired = (run: () => unknown): void => assert.deepStrictEqual(errorOf(run), { code: "expired_api_key", param: undefined });
      expired(() => accounts.authenticate(key));
      expired(() => accounts.authenticate(key));
      // A key that was never looked up before it expired.
      const other = await accounts.createKey({ user: "alice", expires: "1m" });
      at.ms += 60_000;
      await assert.rejects(async () => accounts.authenticate(other.key), {
        code: "expired_api_key",
        status: 401,
        message: `The API key expired at ${other.expires_at}. \`tokligence apikey create\` makes a new one.`,
      });
    }));
});

describe("the models of a key", () => {
  it('are 1 to 100 patterns, at least one of them without "!"', () => {
    assert.equal(checkModels(undefined), null);
    assert.deepStrictEqual(checkModels(["gpt-*", "!gpt-5-pro"]), ["gpt-*", "!gpt-5-pro"]);
    for (const models of [[], ["!a"], [""], ["!", "a"], ["a\n"], ["a".repeat(257)], Array(101).fill("a"), "gpt-*", [1]]) {
      assert.deepStrictEqual(
        errorOf(() => checkModels(models)),
        { code: "invalid_request", param: "models" },
        JSON.stringify(models).slice(0, 50),
      );
    }
  });

  it("are part of the principal, and are listed", () =>
    withClock(async (accounts) => {
      const { key, id } = await accounts.createKey({ user: "alice", models: ["gpt-*", "!gpt-5-pro"] });
      const principal = (await accounts.authenticate(key))!;
      assert.deepStrictEqual(
        ["gpt-5", "gpt-5-pro", "claude"].map((name) => principal.modelLists?.map((list) => list.match(name))),
        [["gpt-*"], [undefined], [undefined]],
      );
      assert.deepStrictEqual((await accounts.getKey(id)).models, ["gpt-*", "!gpt-5-pro"]);
      const free = await accounts.createKey({ user: "alice" });
      assert.equal("modelLists" in (await accounts.authenticate(free.key))!, false);
      assert.deepStrictEqual(
        (await accounts.listKeys()).map((row) => row.models),
        [["gpt-*", "!gpt-5-pro"], null],
      );
      await assert.rejects(accounts.getKey("key_none"), { code: "not_found" });
    }));
});
