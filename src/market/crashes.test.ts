import assert from "node:assert/strict";
import { test } from "node:test";
import type { BoughtLease } from "./buy/bought-lease.ts";
import type { Received } from "./buy/check-receipt.ts";
import type { LeasePool } from "./buy/lease-pool.ts";
import { createOpenLeases, type LeftLease } from "./buy/open-leases.ts";
import type { PeerSeller } from "./buy/peer-seller.ts";
import type { SentOrder } from "./buy/sent-order.ts";
import { createTrades } from "./buy/trades.ts";
import { checkClearing } from "./clearing/check.ts";
import { buyerKey, deskScene, sellerKey, transport, type DeskScene } from "./desk-testing.ts";
import { documentOf, readDocument, signDocument } from "./documents/document.ts";
import { createAvoided } from "./peers/avoided.ts";
import { BuyersMachine } from "./pool-testing.ts";
import type { MarketRefusal } from "./refusal.ts";
import { BuyerLimits } from "./sell/buyer-limits.ts";
import type { SaleOutcome } from "./sell/served-lease.ts";

/** Each row of the table of crashes and cut lines. A seller that crashes loses all its memory; so does a buyer. */
let scene: DeskScene;
let pool: LeasePool;

/** A test with a seller and a buyer of its own, whose sums are right at its end. */
function crashTest(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    scene = await deskScene();
    machine = new BuyersMachine();
    try {
      pool = newPool();
      await body();
      assert.deepEqual(checkClearing(await scene.clearing.readAll()), []);
    } finally {
      await scene.close();
    }
  });
}

let machine = new BuyersMachine();

/** The buyer's process, started anew. */
function newPool(): LeasePool {
  return machine.restart(scene);
}

const usage = { input: 10, cache_read: 0, output: 20, reasoning: 0 };
const hash = `sha256:${"b".repeat(64)}`;
const outcome: SaleOutcome = {
  requestId: "req_1",
  status: "done",
  usage,
  usageSource: "engine",
  finish: "stop",
  model: "m",
  ttftMs: 1,
  durationMs: 2,
  answer: hash,
};
const received: Received = { answer: hash, usage: { input: 10, output: 20, cacheRead: 0 }, bytes: 300, status: 200, requestBytes: 90 };
const cost = 50_000n;

interface Served {
  readonly lease: BoughtLease;
  readonly order: SentOrder;
  /** The text of the receipt, as END has it. */
  readonly receipt: string;
}

/** A request that the seller serves up to its receipt, which the buyer has not got yet. */
async function serve(result: Partial<SaleOutcome> = {}, used?: BoughtLease): Promise<Served> {
  const lease = used ?? (await pool.take(scene.seller(), scene.known(), 200_000n));
  const order = lease.order(hash, { max: 200_000n, maxOutput: 50, deadline: scene.nowMs + 60_000 });
  const served = scene.desk.served(lease.body.lease);
  const taken = served.take(order.document, lease.secret.session, scene.nowMs);
  const receipt = await scene.desk.record(served, taken, { ...outcome, ...result });
  return { lease, order, receipt };
}

/** What the buyer's reader of answers does with a receipt that is right. */
async function accept({ lease, order, receipt }: Served, got: Received = received): Promise<void> {
  const document = readDocument("receipt/1", receipt);
  lease.accept(document, order, got);
  const trade = {
    requestId: "req_1",
    clearing: sellerKey.id,
    seller: sellerKey.id,
    model: "m",
    state: "acked",
    receipt: document,
  } as const;
  await createTrades(scene.store).add({ ...trade, atMs: scene.nowMs });
}

/** State, charged, paid and contested of each lease. */
async function leases(): Promise<readonly (readonly [string, bigint, bigint, bigint])[]> {
  const { leases: all } = await scene.clearing.readAll();
  return [...all.values()].map(({ state, charged, paid, contested }) => [state, charged, paid, contested] as const);
}

/** The leases whose sellers do not have the last acknowledgement. */
async function leftLeases(): Promise<readonly LeftLease[]> {
  const stored = createOpenLeases(scene.store);
  return await stored.left((await stored.ofOthers("")).map(({ lease }) => lease));
}

async function left(): Promise<number> {
  return (await leftLeases()).length;
}

const dayMs = 24 * 3_600_000;

crashTest("a buyer that crashes acknowledges at its next start what it had accepted", async () => {
  await accept(await serve());
  // The seller may sell over an exchange as well: what is accepted is acknowledged where it is owed.
  assert.deepEqual(
    (await leftLeases()).map(({ clearing }) => clearing),
    [sellerKey.id],
  );
  pool = newPool();
  await pool.sweep();
  assert.deepEqual([await leases(), await left()], [[["settled", cost, cost, 0n]], 0]);
});

crashTest(
  "a buyer whose clock was set back acknowledges what its earlier start has accepted, and keeps the lease that it uses",
  async () => {
    await accept(await serve());
    scene.nowMs -= 60_000;
    pool = newPool();
    scene.nowMs -= 60_000;
    await serve();
    await pool.sweep();
    assert.deepEqual((await leases()).map(([state, , paid]) => `${state} ${paid}`).toSorted(), ["open 0", `settled ${cost}`]);
  },
);

crashTest("a lease of a friend serves nothing that is bought from the same node over an exchange, which would not know it", async () => {
  const { lease } = await serve();
  pool.giveBack(lease, scene.seller());
  const friend: PeerSeller = scene.seller();
  const overExchange = { ...friend, peer: { ...friend.peer, node: buyerKey.id } };
  await assert.rejects(async () => pool.take(overExchange, scene.known(), 200_000n), { code: "bad_document" });
  assert.equal(await pool.take(scene.seller(), scene.known(), 200_000n), lease);
});

crashTest("of a buyer that crashes before it accepts, the rest is paid when its window has passed without a word of it", async () => {
  await serve();
  pool = newPool();
  await pool.sweep();
  assert.deepEqual(await leases(), [["window", cost, 0n, cost]]);
  scene.nowMs += dayMs;
  await scene.clearing.sweep(10);
  assert.deepEqual(await leases(), [["settled", cost, cost, 0n]]);
});

crashTest("an answer that is lost after the clearing has opened a lease: the request is repeated, and finds the same lease", async () => {
  scene.faults.set("/leases", "after");
  const lease = await pool.take(scene.seller(), scene.known(), 200_000n);
  assert.deepEqual([scene.posted, await leases()], [["/leases", "/leases"], [["open", 0n, 0n, 0n]]]);
  // It is the lease that the seller serves.
  await accept(await serve({}, lease));
});

crashTest("an answer that is lost after the clearing has settled: the closing order is repeated, and settles nothing twice", async () => {
  const served = await serve();
  await accept(served);
  scene.faults.set("ack", "after");
  await pool.close(served.lease, scene.seller());
  assert.deepEqual([await leases(), await left()], [[["settled", cost, cost, 0n]], 1]);
  pool = newPool();
  await pool.sweep();
  assert.deepEqual([await leases(), await left()], [[["settled", cost, cost, 0n]], 0]);
});

crashTest("a seller that crashes before it has stored a receipt charges nothing for it", async () => {
  const lease = await pool.take(scene.seller(), scene.known(), 200_000n);
  const order = lease.order(hash, { max: 200_000n, maxOutput: 50, deadline: scene.nowMs + 60_000 });
  scene.desk.served(lease.body.lease).take(order.document, lease.secret.session, scene.nowMs);
  await scene.crash();
  assert.deepEqual(await leases(), [["settled", 0n, 0n, 0n]]);
});

crashTest("a seller that crashes while it serves settles what it has stored, and serves the lease no more", async () => {
  const one = await serve();
  await accept(one);
  const order = one.lease.order(hash, { max: 200_000n, maxOutput: 50, deadline: scene.nowMs + 60_000 });
  scene.desk.served(one.lease.body.lease).take(order.document, one.lease.secret.session, scene.nowMs);
  await scene.crash();
  assert.throws(() => scene.desk.served(one.lease.body.lease), { code: "unknown_lease" });
  // The order that acknowledged the first receipt came with the second request, which left no receipt: its own closing order is what counts.
  assert.deepEqual(await leases(), [["window", cost, 0n, cost]]);
  await pool.close(one.lease, scene.seller());
  assert.deepEqual(await leases(), [["settled", cost, cost, 0n]]);
});

crashTest("a seller that crashes between the stored receipt and END is paid what the buyer reads of it and accepts", async () => {
  const served = await serve();
  await scene.crash();
  assert.deepEqual(await leases(), [["window", cost, 0n, cost]]);
  const { receipts } = JSON.parse(
    await scene.calls().get(transport, sellerKey.id, `/leases/${served.lease.body.lease}/receipts?after=0`),
  ) as {
    readonly receipts: readonly unknown[];
  };
  await accept({ ...served, receipt: JSON.stringify(documentOf("receipt/1", receipts[0])) });
  await pool.close(served.lease, scene.seller());
  assert.deepEqual(await leases(), [["settled", cost, cost, 0n]]);
});

crashTest("a last acknowledgement that comes before a new start has settled the lease counts when it does", async () => {
  const served = await serve();
  await accept(served);
  scene.startAnew();
  await pool.close(served.lease, scene.seller());
  assert.deepEqual(await leases(), [["open", 0n, 0n, 0n]]);
  await scene.desk.sweep();
  assert.deepEqual(await leases(), [["settled", cost, cost, 0n]]);
});

crashTest("a lease whose transaction runs while an earlier start is settled is not one of it", async () => {
  const opening = pool.take(scene.seller(), scene.known(), 200_000n);
  await Promise.all([opening, scene.desk.sweep(), scene.desk.sweep()]);
  assert.deepEqual(await leases(), [["open", 0n, 0n, 0n]]);
});

crashTest("a receipt that the seller has not stored yet is asked for again, and the lease is used again once it is accepted", async () => {
  const served = await serve({ status: "cancelled", answer: "" });
  const answers = [undefined, undefined, true];
  const ask = async (): Promise<boolean | undefined> => {
    const answer = answers.shift();
    if (answer === true) await accept(served, { ...received, answer: undefined, usage: undefined });
    return answer;
  };
  await pool.askLater(served.lease, scene.seller(), ask);
  const other = await pool.take(scene.seller(), scene.known(), 200_000n);
  assert.notEqual(other.body.lease, served.lease.body.lease);
  await pool.sweep();
  await pool.sweep();
  assert.equal((await pool.take(scene.seller(), scene.known(), 200_000n)).body.lease, served.lease.body.lease);
});

crashTest("a receipt that does not come in a minute, or does not fit what arrived, ends its lease, and nobody is avoided", async () => {
  const never = await serve();
  await pool.askLater(never.lease, scene.seller(), () => Promise.resolve(undefined));
  scene.nowMs += 60_000;
  await pool.sweep();
  const unfit = await serve();
  await pool.askLater(unfit.lease, scene.seller(), () => Promise.resolve(false));
  assert.deepEqual(await leases(), [
    ["window", cost, 0n, cost],
    ["window", cost, 0n, cost],
  ]);
  await pool.take(scene.seller(), scene.known(), 200_000n);
});

crashTest("while the clearing is away nothing new is bought, and leases are closed when it is back", async () => {
  const served = await serve();
  await accept(served);
  scene.isAway = true;
  await pool.close(served.lease, scene.seller());
  await assert.rejects(async () => pool.take(scene.seller(), scene.known(), 200_000n), { code: "unavailable" });
  assert.deepEqual([await leases(), await left()], [[["open", 0n, 0n, 0n]], 1]);
  await pool.sweep();
  scene.isAway = false;
  await pool.sweep();
  assert.deepEqual([await leases(), await left()], [[["settled", cost, cost, 0n]], 0]);
});

crashTest("a lease of a clearing that stays away runs out, and is forgotten", async () => {
  await pool.take(scene.seller(), scene.known(), 200_000n);
  scene.isAway = true;
  scene.nowMs += 28 * 3_600_000;
  await pool.sweep();
  assert.deepEqual([await left(), pool.reserved().amount], [0, 0n]);
});

crashTest("stale_ack: a receipt that costs nothing is adopted if it follows the last one, and the order is sent once more", async () => {
  const { lease, receipt } = await serve({ status: "interrupted" });
  const served = scene.desk.served(lease.body.lease);
  const orderOf = (): SentOrder => lease.order(hash, { max: 200_000n, maxOutput: 50, deadline: scene.nowMs + 60_000 });
  const second = orderOf();
  let refused: unknown;
  assert.throws(
    () => served.take(second.document, lease.secret.session, scene.nowMs),
    (error: MarketRefusal) => {
      refused = error.details["receipt"];
      return error.code === "stale_ack";
    },
  );
  const last = documentOf("receipt/1", refused);
  const { body } = readDocument("receipt/1", receipt);
  const wrong = [
    { ...body, seq: 2 },
    { ...body, previous: hash },
    { ...body, cost: "1", cum: "1" },
    { ...body, lease: `lse_${"0".repeat(32)}` },
  ];
  for (const one of wrong) assert.equal(lease.adopt(signDocument(sellerKey, "receipt/1", one)), false);
  assert.throws(() => lease.adopt(signDocument(buyerKey, "receipt/1", body)), { problem: "bad_signature" });
  assert.equal(lease.adopt(last), true);
  const third = served.take(orderOf().document, lease.secret.session, scene.nowMs).document.body;
  assert.deepEqual([third.n, third.ack.seq], [2, 1]);
});

crashTest("deadlines count the clearing's uptime: a gap of more than a minute moves all of them, once", async () => {
  await scene.clearing.beat();
  const { lease } = await serve();
  await scene.crash();
  const before = (await scene.clearing.readAll()).leases.get(lease.body.lease)!.deadline;
  scene.nowMs += 60_000;
  await scene.clearing.beat();
  assert.equal((await scene.clearing.readAll()).leases.get(lease.body.lease)!.deadline, before);
  // The seller's gateway was off for two days: the buyer keeps its day to contest.
  scene.nowMs += 2 * dayMs;
  await Promise.all([scene.clearing.beat(), scene.clearing.beat(), scene.clearing.beat()]);
  await scene.desk.sweep();
  assert.deepEqual(await leases(), [["window", cost, 0n, cost]]);
  assert.equal((await scene.clearing.readAll()).leases.get(lease.body.lease)!.deadline, before + 2 * dayMs);
  await pool.dispute(lease, scene.seller());
  assert.deepEqual(await leases(), [["split", cost, cost / 2n, 0n]]);
});

crashTest("whom a buyer avoids, and who avoids it, outlives a restart of both, for a day", async () => {
  const { lease } = await serve();
  await pool.dispute(lease, scene.seller());
  pool = newPool();
  const avoided = createAvoided(scene.store, scene.clock);
  assert.equal(avoided.has(sellerKey.id), false);
  await avoided.load();
  assert.deepEqual([avoided.has(sellerKey.id), avoided.has(buyerKey.id)], [true, true]);
  scene.nowMs += dayMs;
  assert.deepEqual([avoided.has(sellerKey.id), avoided.has(buyerKey.id)], [false, false]);
});

crashTest(
  "a seller that bills 1.5 times as much is contested: it gets half of one request at most, and then nothing for a day",
  async () => {
    const served = await serve({ usage: { ...usage, input: 15, output: 30 } });
    await assert.rejects(async () => accept(served), /bills more than the answer says/);
    await pool.dispute(served.lease, scene.seller());
    const billed = (cost * 3n) / 2n;
    assert.deepEqual(await leases(), [["split", billed, billed / 2n, 0n]]);
    assert.ok(billed / 2n <= served.order.max);
    await assert.rejects(async () => pool.take(scene.seller(), scene.known(), 200_000n), { code: "unavailable" });
  },
);

crashTest("a buyer that contests what was right pays half of it, and is sold nothing for a day", async () => {
  const served = await serve();
  await pool.dispute(served.lease, scene.seller());
  assert.deepEqual(await leases(), [["split", cost, cost / 2n, 0n]]);
  // Also if it asks as if nothing had happened.
  await createAvoided(scene.store, scene.clock).forget(sellerKey.id);
  pool = newPool();
  await assert.rejects(async () => pool.take(scene.seller(), scene.known(), 200_000n), {
    code: "unavailable",
    message: /contested a receipt/,
  });
  scene.nowMs += dayMs;
  await pool.take(scene.seller(), scene.known(), 200_000n);
});

crashTest("what a buyer may use is limited: leases, and tokens of a minute and of a day", async () => {
  scene.limits = { ...scene.limits, leases: 2 };
  const seller = scene.seller();
  await Promise.all([pool.take(seller, scene.known(), 200_000n), pool.take(seller, scene.known(), 200_000n)]);
  await assert.rejects(async () => pool.take(seller, scene.known(), 200_000n), { code: "too_many_open" });
  const limits = new BuyerLimits(
    () => ({ ...scene.limits, callsPerSecond: 2, tokensPerMinute: 100, tokensPerDay: 150 }),
    () => scene.nowMs,
  );
  limits.used("a", 100);
  assert.throws(() => {
    limits.checkTokens("a");
  }, /tokens of this minute/);
  limits.checkTokens("b");
  scene.nowMs += 60_000;
  limits.checkTokens("a");
  limits.used("a", 50);
  scene.nowMs += 60_000;
  assert.throws(() => {
    limits.checkTokens("a");
  }, /tokens of today/);
  for (const node of ["a", "a", "b"]) limits.call(node);
  assert.throws(
    () => {
      limits.call("a");
    },
    { code: "too_many_requests" },
  );
});
