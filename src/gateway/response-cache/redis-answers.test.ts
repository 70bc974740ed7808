import assert from "node:assert/strict";
import { after, before, beforeEach, suite, test } from "node:test";
import { sharedRedis, withoutRedis } from "../../../tests/testbed/shared-redis.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { asBytes, latin1OfUtf8, Secret, silentLogger, systemSchedule } from "../../core/index.ts";
import { connectRedis, type RedisConnection } from "../../store/index.ts";
import type { CachedAnswer } from "./answer-store.ts";
import { RedisAnswers } from "./redis-answers.ts";

const clock = { monotonic: () => performance.now() };
const limits = { lifetimeMs: 60_000, maxBytes: 10_000 };

function answerOf(text: string): CachedAnswer {
  return {
    form: "events",
    contentType: "text/event-stream; charset=utf-8",
    body: latin1OfUtf8(text),
    includesUsage: true,
    provider: "openai",
    upstreamModel: "gpt-5",
    modelServed: "gpt-5-2026",
    costNanoUsd: 12n,
    storedMs: 1000,
  };
}

suite("answers in Redis", { skip: withoutRedis }, () => {
  let redis: RedisConnection;
  let one: RedisAnswers;
  let other: RedisAnswers;
  before(async () => {
    redis = await connectRedis(new Secret((await sharedRedis()).url), silentLogger);
    one = new RedisAnswers({ redis, clock, schedule: systemSchedule });
    other = new RedisAnswers({ redis, clock, schedule: systemSchedule });
  });
  // Other tests have their keys in the same server.
  beforeEach(async () => {
    const names = ["used", "expiring", "sizes", "total", ...["a", "b", "c", "d", "e"].map((name) => `answer:${name}`)];
    await redis.call("del", ...names.map((name) => `{tokligence-answers}:${name}`));
  });
  after(() => {
    redis.close();
  });

  const isThere = async (key: string): Promise<boolean> => (await other.get(key)) !== undefined;
  const put = async (key: string, text: string, more = limits): Promise<void> => {
    one.put(key, answerOf(text), more);
    await waitUntil("it is there", () => isThere(key));
  };

  test("an answer is found by another process as it was kept, until its lifetime ends", async () => {
    await put("a", 'data: {"x":"größer ☃"}\n\n');
    assert.deepEqual(await other.get("a"), answerOf('data: {"x":"größer ☃"}\n\n'));
    assert.equal(await other.get("b"), undefined);
    one.put("a", answerOf("short"), { ...limits, lifetimeMs: 30 });
    await waitUntil("it has expired", async () => !(await isThere("a")));
    // What has expired makes room with the next answer.
    await put("c", "x");
    assert.equal(
      Number(await redis.call("get", "{tokligence-answers}:total")),
      Number(await redis.call("hget", "{tokligence-answers}:sizes", "c")),
    );
  });

  test("the bytes are bounded: the answers that were not used for the longest time go first", async () => {
    for (const key of ["a", "b", "c", "d"]) await put(key, "x".repeat(1500));
    await other.get("a");
    await put("e", "x".repeat(1500));
    const found = await Promise.all(["a", "b", "c", "d", "e"].map(isThere));
    assert.deepEqual(found, [true, false, true, true, true]);
    const total = Number(await redis.call("get", "{tokligence-answers}:total"));
    assert.ok(total > 0 && total <= limits.maxBytes, `${total}`);
  });

  test("an answer of more than a quarter of the room, or that is no UTF-8, is not kept; and what others have written is not read", async () => {
    one.put("a", answerOf("x".repeat(2500)), limits);
    one.put("b", { ...answerOf(""), body: asBytes("\xff") }, limits);
    await put("c", "kept");
    assert.deepEqual(await Promise.all(["a", "b"].map(isThere)), [false, false]);
    for (const [index, text] of ["", "{", "null", "[]", '{"version":2}', '{"version":1,"form":"json"}'].entries()) {
      await redis.call("set", `{tokligence-answers}:answer:x${index}`, text);
      assert.equal(await other.get(`x${index}`), undefined, text);
    }
  });
});

test("a Redis that does not answer is a miss after 50 ms, and is then left alone for a second; one that is away is a miss at once", async () => {
  const timers: { delayMs: number; task: () => void }[] = [];
  let nowMs = 0;
  let calls = 0;
  let isUp = true;
  const silent = new Promise<never>(() => undefined);
  const redis = {
    get isUp() {
      return isUp;
    },
    script: () => () => {
      calls += 1;
      return silent;
    },
  } as unknown as RedisConnection;
  const answers = new RedisAnswers({
    redis,
    clock: { monotonic: () => nowMs },
    schedule: (delayMs, task) => {
      timers.push({ delayMs, task });
      return () => undefined;
    },
  });
  const first = answers.get("a");
  assert.deepEqual(
    timers.map(({ delayMs }) => delayMs),
    [50],
  );
  timers[0]!.task();
  assert.equal(await first, undefined);
  assert.equal(answers.get("a"), undefined);
  nowMs = 1000;
  assert.ok(answers.get("a") instanceof Promise);
  assert.equal(calls, 2);
  isUp = false;
  nowMs = 5000;
  assert.equal(answers.get("a"), undefined);
  // Only some answers are on their way at a time.
  isUp = true;
  for (let count = 0; count < 100; count++) answers.put("a", answerOf("x"), limits);
  assert.equal(calls, 2 + 32);
});

test("a Redis that refuses is a miss, and nothing is thrown", async () => {
  const redis = { isUp: true, script: () => () => Promise.reject(new Error("READONLY")) } as unknown as RedisConnection;
  const answers = new RedisAnswers({ redis, clock, schedule: systemSchedule });
  answers.put("a", answerOf("x"), limits);
  assert.equal(await answers.get("a"), undefined);
});
