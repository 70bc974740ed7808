import assert from "node:assert/strict";
import { test } from "node:test";
import type { Store } from "../../store/index.ts";
import { MarketRefusal } from "../refusal.ts";
import { SpendLimits } from "./spend-limits.ts";

const dayMs = 86_400_000;

function limitsOf(settings: { readonly perDay?: bigint; readonly perPeer?: bigint }) {
  const clock = { now: 20_000 * dayMs };
  const store = {} as unknown as Pick<Store, "db">;
  const limits = new SpendLimits({ store, settings: () => ({ perDay: undefined, perPeer: undefined, ...settings }), now: () => clock.now });
  const refused = (clearing: string, max: bigint): boolean => {
    try {
      limits.reserve(clearing, max);
      return false;
    } catch (error) {
      assert.ok(error instanceof MarketRefusal && error.code === "too_many_requests");
      return true;
    }
  };
  return { limits, clock, refused };
}

test("what is spent and what is under way count against the limit of a day, of all and of each", () => {
  const { limits, refused, clock } = limitsOf({ perDay: 100n, perPeer: 60n });
  const release = limits.reserve("bob", 50n);
  assert.deepEqual([refused("bob", 11n), refused("eve", 51n)], [true, true]);
  release();
  release();
  limits.paid("bob", 40n);
  assert.deepEqual([refused("bob", 21n), refused("eve", 61n), limits.problem("bob")], [true, true, undefined]);
  limits.paid("bob", 21n);
  assert.equal(limits.problem("bob"), "what may be spent there in a day (market.buy.per_peer) is used up");
  assert.equal(limits.problem("eve"), undefined);
  limits.paid("eve", 40n);
  assert.equal(limits.problem("zoe"), "what may be spent in a day (market.buy.per_day) is used up");
  // A new day.
  clock.now += dayMs;
  assert.deepEqual([limits.problem("bob"), limits.spent()], [undefined, 0n]);
});

test("without limits nothing is refused", () => {
  const { limits, refused } = limitsOf({});
  limits.paid("bob", 10n ** 15n);
  assert.deepEqual([refused("bob", 10n ** 15n), limits.problem("bob")], [false, undefined]);
});
