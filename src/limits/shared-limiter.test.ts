import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../core/index.ts";
import type { Bucket } from "./bucket.ts";
import { LimitBook } from "./limit-book.ts";
import { isRefusal, type LimitHold, type LimitOutcome } from "./limiter.ts";
import { SharedLimiter } from "./shared-limiter.ts";
import { BookRemote, bucketOf, ManualTime, settled } from "./testing.ts";

interface Node {
  readonly limiter: SharedLimiter;
  readonly remote: BookRemote;
  readonly buckets: readonly Bucket[];
}

/** Processes that share one limit. */
async function start(time: ManualTime, count: number, make: () => Bucket): Promise<{ nodes: Node[]; forget: () => void }> {
  let book = new LimitBook(time.clock);
  const nodes = Array.from({ length: count }, (_, index): Node => {
    const buckets = [make()];
    const remote = new BookRemote(() => book, `node ${index}`);
    const limiter = new SharedLimiter({ remote, buckets: () => buckets, clock: time.clock, schedule: time.schedule, logger: silentLogger });
    return { limiter, remote, buckets };
  });
  for (const { limiter } of nodes) await limiter.start();
  // All have heard of each other.
  await time.pass(3000);
  return {
    nodes,
    forget() {
      book = new LimitBook(time.clock);
    },
  };
}

async function ask({ limiter, buckets }: Node, times: number, tokens = 0): Promise<LimitHold[]> {
  const outcomes: LimitOutcome[] = await Promise.all(Array.from({ length: times }, async () => await limiter.take(buckets, tokens)));
  return outcomes.filter((outcome): outcome is LimitHold => !isRefusal(outcome));
}

test("processes together admit what the limit allows", async () => {
  const time = new ManualTime();
  const { nodes } = await start(time, 3, () => bucketOf("requests_per_minute", 60));
  const counts = [];
  for (const node of nodes) counts.push((await ask(node, 25)).length);
  assert.deepEqual(counts, [25, 25, 10]);
  assert.deepEqual(
    nodes.map(({ buckets }) => buckets[0]!.remaining(time.nowMs)),
    [35, 10, 0],
  );
});

test("slots of all processes count, also of requests that ask at the same time", async () => {
  const time = new ManualTime();
  const { nodes } = await start(time, 2, () => bucketOf("concurrent", 5));
  const [one, other] = nodes as [Node, Node];
  const held = await ask(one, 4);
  const first = (await ask(other, 4)).length;
  for (const hold of held) one.limiter.settle(hold, 0);
  assert.deepEqual([held.length, first, (await ask(other, 9)).length], [4, 1, 4]);
});

test("the slots of a process that died are free after a while", async () => {
  const time = new ManualTime();
  const { nodes } = await start(time, 2, () => bucketOf("concurrent", 2));
  const [dead, other] = nodes as [Node, Node];
  await ask(dead, 2);
  dead.remote.state = "away";
  const before = (await ask(other, 1)).length;
  for (let beat = 0; beat < 6; beat++) await time.pass(3000);
  assert.deepEqual([before, (await ask(other, 3)).length], [0, 2]);
});

test("while the store is away each process has its share, and when it returns the larger count holds", async () => {
  const time = new ManualTime();
  const { nodes, forget } = await start(time, 2, () => bucketOf("requests_per_minute", 600));
  const [one, other] = nodes as [Node, Node];
  const shared = (await ask(one, 300)).length + (await ask(other, 100)).length;
  for (const { remote } of nodes) remote.state = "away";
  // 200 are left, 100 for each, as far as the second knows; the first has heard of 300 requests only.
  const apart = [(await ask(other, 200)).length, (await ask(one, 200)).length];
  forget();
  for (const { remote } of nodes) remote.state = "up";
  await time.pass(100);
  const after = (await ask(one, 10)).length + (await ask(other, 10)).length;
  assert.deepEqual(
    { shared, apart, after, problems: nodes.map(({ limiter }) => limiter.problem) },
    {
      shared: 400,
      apart: [100, 150],
      after: 1,
      problems: [undefined, undefined],
    },
  );
});

test("a store that is silent is waited for once, 50 ms", async () => {
  const time = new ManualTime();
  const { nodes } = await start(time, 1, () => bucketOf("requests_per_minute", 600));
  const [{ limiter, remote, buckets }] = nodes as [Node];
  remote.state = "silent";
  const first = limiter.take(buckets, 0);
  await settled();
  await time.pass(50);
  assert.equal(isRefusal(await first), false);
  // No promise: nothing is waited for.
  assert.equal(limiter.take(buckets, 0) instanceof Promise, false);
  assert.equal(limiter.problem, "no answer in 50 ms");
  remote.state = "up";
  await time.pass(100);
  // The probe that was begun while it was silent is given up, then the next one succeeds.
  await time.pass(1000);
  await time.pass(100);
  assert.equal(limiter.problem, undefined);
});

test("tokens are trued up where they are shared", async () => {
  const time = new ManualTime();
  const { nodes } = await start(time, 2, () => bucketOf("tokens_per_minute", 1000));
  const [one, other] = nodes as [Node, Node];
  const [hold] = await ask(one, 1, 900);
  const refused = (await ask(other, 1, 500)).length;
  one.limiter.settle(hold!, 100);
  assert.deepEqual([refused, (await ask(other, 1, 500)).length, other.buckets[0]!.remaining(time.nowMs)], [0, 1, 400]);
});
