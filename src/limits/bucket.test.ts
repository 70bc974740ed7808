import assert from "node:assert/strict";
import { test } from "node:test";
import { isRefusal, type LimitHold, type LimitOutcome } from "./limiter.ts";
import { LocalLimiter } from "./local-limiter.ts";
import { bucketOf, ManualTime } from "./testing.ts";

function admitted(outcomes: readonly LimitOutcome[]): number {
  return outcomes.filter((outcome) => !isRefusal(outcome)).length;
}

test("a fresh limit of 600 a minute takes 600 at once, then 10 a second", async () => {
  const time = new ManualTime();
  const limiter = new LocalLimiter(time.clock);
  const buckets = [bucketOf("requests_per_minute", 600)];
  const ask = (times: number): number => admitted(Array.from({ length: times }, () => limiter.take(buckets, 0)));
  const counts = [ask(1000)];
  for (let second = 0; second < 3; second++) {
    await time.pass(1000);
    counts.push(ask(100));
  }
  await time.pass(3_600_000);
  counts.push(ask(1000));
  assert.deepEqual(counts, [600, 10, 10, 10, 600]);
});

test("a request is taken from all of its limits or from none, and the refusal names the one with the longest wait", () => {
  const time = new ManualTime();
  const limiter = new LocalLimiter(time.clock);
  const [minute, day, tokens] = [bucketOf("requests_per_minute", 10), bucketOf("requests_per_day", 2), bucketOf("tokens_per_minute", 1000)];
  const buckets = [minute, day, tokens];
  limiter.take(buckets, 100);
  limiter.take(buckets, 100);
  assert.deepEqual(limiter.take(buckets, 100), { bucket: day, waitMs: 43_200_000 });
  assert.deepEqual(
    buckets.map((bucket) => bucket.remaining(time.nowMs)),
    [8, 0, 800],
  );
});

test("tokens are reserved and trued up; a failed request gives all back", async () => {
  const time = new ManualTime();
  const limiter = new LocalLimiter(time.clock);
  const [requests, tokens] = [bucketOf("requests_per_minute", 10), bucketOf("tokens_per_minute", 1000)];
  const left = (): number[] => [requests, tokens].map((bucket) => bucket.remaining(time.nowMs));
  const first = limiter.take([requests, tokens], 600) as LimitHold;
  const reserved = left();
  limiter.settle(first, 200);
  limiter.settle(first, undefined);
  const used = left();
  const second = limiter.take([requests, tokens], 800) as LimitHold;
  limiter.settle(second, undefined);
  const failed = left();
  const third = limiter.take([requests, tokens], 500) as LimitHold;
  limiter.settle(third, 1300);
  const debt = [...left(), admitted([limiter.take([tokens], 1)])];
  await time.pass(30_060);
  const paid = tokens.remaining(time.nowMs);
  assert.deepEqual(
    { reserved, used, failed, debt, paid },
    { reserved: [9, 400], used: [9, 800], failed: [9, 800], debt: [8, 0, 0], paid: 1 },
  );
});

test("a request that is larger than the whole limit needs all of it", async () => {
  const time = new ManualTime();
  const limiter = new LocalLimiter(time.clock);
  const buckets = [bucketOf("tokens_per_minute", 1000)];
  const counts = [admitted([limiter.take(buckets, 5000), limiter.take(buckets, 1)])];
  await time.pass(30_000);
  counts.push(admitted([limiter.take(buckets, 5000), limiter.take(buckets, 500)]));
  assert.deepEqual(counts, [1, 1]);
});

test("slots are free again when their requests are over, whatever became of them", () => {
  const limiter = new LocalLimiter(new ManualTime().clock);
  const buckets = [bucketOf("concurrent", 2)];
  const holds = [limiter.take(buckets, 0), limiter.take(buckets, 0)] as LimitHold[];
  const full = admitted([limiter.take(buckets, 0)]);
  limiter.settle(holds[0]!, 10);
  limiter.settle(holds[0]!, 10);
  limiter.settle(holds[1]!, undefined);
  const free = [limiter.take(buckets, 0), limiter.take(buckets, 0), limiter.take(buckets, 0)];
  assert.deepEqual([full, admitted(free)], [0, 2]);
});

test("a number of slots that is changed leaves them taken", () => {
  const limiter = new LocalLimiter(new ManualTime().clock);
  const bucket = bucketOf("concurrent", 3);
  const before = admitted([limiter.take([bucket], 0), limiter.take([bucket], 0)]);
  bucket.setSlots(2);
  assert.deepEqual([before, admitted([limiter.take([bucket], 0)])], [2, 0]);
});
