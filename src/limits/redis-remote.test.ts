import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { sharedRedis, withoutRedis } from "../../tests/testbed/shared-redis.ts";
import { waitUntil } from "../../tests/testbed/wait-until.ts";
import { Secret, silentLogger } from "../core/index.ts";
import { connectRedis, type RedisConnection } from "../store/index.ts";
import { RedisRemote } from "./redis-remote.ts";
import type { TakenPart } from "./remote.ts";

const minute = 60_000;
/** One of 600 a minute. */
const request = (name: string, cost = 100): TakenPart => ({ name, periodMs: minute, cost, most: 0 });
const slot = (name: string, mine: number, most: number): TakenPart => ({ name, periodMs: 0, cost: mine, most });

suite("limits in Redis", { skip: withoutRedis }, () => {
  let redis: RedisConnection;
  let one: RedisRemote;
  let other: RedisRemote;
  before(async () => {
    redis = await connectRedis(new Secret((await sharedRedis()).url), silentLogger);
    one = new RedisRemote(redis, "one");
    other = new RedisRemote(redis, "other");
  });
  after(() => {
    redis.close();
  });

  test("a request is taken from all of its limits, or from none", async () => {
    const taken = await one.take([request("a"), request("b", minute)]);
    const refused = await other.take([request("a"), request("b", minute)]);
    const again = await other.take([request("a")]);
    assert.deepEqual([taken.isAdmitted, refused.isAdmitted, again.isAdmitted], [true, false, true]);
    const [one1, two1] = taken.states;
    assert.deepEqual([near(one1!, 100), near(two1!, minute), near(again.states[0]!, 200)], [true, true, true]);
  });

  test("what is given back is free again, and a debt is paid off", async () => {
    await one.take([request("c", minute)]);
    one.settle([{ name: "c", periodMs: minute, deltaMs: -minute / 2 }], []);
    await waitUntil("half of it is given back", async () => (await one.take([request("c", 0)])).isAdmitted);
    assert.ok(near((await one.take([request("c", 0)])).states[0]!, minute / 2));
    one.settle([{ name: "c", periodMs: minute, deltaMs: 2 * minute }], []);
    await waitUntil("the debt is there", async () => !(await one.take([request("c", 0)])).isAdmitted);
    assert.ok(near((await one.take([request("c", 0)])).states[0]!, 2.5 * minute));
  });

  test("slots count those of all processes, and a released one is free", async () => {
    const first = await one.take([slot("d", 1, 2)]);
    const second = await other.take([slot("d", 1, 2)]);
    const third = await one.take([slot("d", 2, 2)]);
    other.settle([], [{ name: "d", count: 0 }]);
    const fourth = await one.take([slot("d", 2, 2)]);
    assert.deepEqual(
      [first, second, third, fourth],
      [
        { isAdmitted: true, states: [0], processes: 0 },
        { isAdmitted: true, states: [1], processes: 0 },
        { isAdmitted: false, states: [1], processes: 0 },
        { isAdmitted: true, states: [0], processes: 0 },
      ],
    );
  });

  test("levels are raised, never lowered", async () => {
    await one.raise([{ name: "e", usedMs: 30_000 }]);
    await one.raise([{ name: "e", usedMs: 10_000 }]);
    assert.ok(near((await one.take([request("e", 0)])).states[0]!, 30_000));
  });

  test("processes know each other, and a process that ends is forgotten", async () => {
    await one.beat([]);
    assert.deepEqual((await other.beat([])).toSorted(), ["one", "other"]);
    one.close();
    await waitUntil("one is forgotten", async () => (await other.beat([])).length === 1);
  });
});

/** Buckets fill up while the test runs. */
function near(value: number, expected: number): boolean {
  return value <= expected + 1 && value > expected - 5000;
}
