import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { BoughtLease } from "./buy/bought-lease.ts";
import type { LeasePool } from "./buy/lease-pool.ts";
import { createOpenLeases } from "./buy/open-leases.ts";
import { deskScene, sellerKey, type DeskScene } from "./desk-testing.ts";
import { BuyersMachine } from "./pool-testing.ts";

/** What becomes of a lease whose buyer ends, or cannot send its last order. */
let scene: DeskScene;
let machine: BuyersMachine;

beforeEach(async () => {
  scene = await deskScene();
  machine = new BuyersMachine();
});
afterEach(() => scene.close());

const hash = `sha256:${"b".repeat(64)}`;
const cost = 50_000n;

/** A request that is served up to its receipt. */
async function serve(pool: LeasePool): Promise<BoughtLease> {
  const lease = await pool.take(scene.seller(), scene.known(), 200_000n);
  const order = lease.order(hash, { max: 200_000n, maxOutput: 50, deadline: scene.nowMs + 60_000 });
  const served = scene.desk.served(lease.body.lease);
  const taken = served.take(order.document, lease.secret.session, scene.nowMs);
  const usage = { input: 10, cache_read: 0, output: 20, reasoning: 0 };
  const how = { requestId: "req_1", status: "done", usageSource: "engine", finish: "stop", model: "m", ttftMs: 1, durationMs: 2 } as const;
  await scene.desk.record(served, taken, { ...how, usage, answer: hash });
  return lease;
}

/** State, paid and given back, of each lease. */
async function leases(): Promise<readonly string[]> {
  const { leases: all } = await scene.clearing.readAll();
  return [...all.values()].map(({ state, paid, refunded }) => `${state} ${paid} ${refunded}`);
}

/** Leases that their sellers have no last order of. */
async function left(): Promise<number> {
  return (await createOpenLeases(scene.store).ofOthers("")).length;
}

const split = `split ${cost / 2n} ${cost / 2n}`;

test("a dispute that cannot be sent is sent when the seller is back, and is no acknowledgement", async () => {
  const pool = machine.start(scene);
  const lease = await serve(pool);
  scene.isAway = true;
  await pool.dispute(lease, scene.seller());
  await pool.sweep();
  scene.isAway = false;
  assert.deepEqual([await leases(), await left()], [["open 0 0"], 1]);
  await pool.sweep();
  assert.deepEqual([await leases(), await left()], [[split], 0]);
});

test("a dispute that could not be sent before the buyer was killed is sent by its next start", async () => {
  const pool = machine.start(scene);
  const lease = await serve(pool);
  scene.isAway = true;
  await pool.dispute(lease, scene.seller());
  scene.isAway = false;
  await machine.restart(scene).sweep();
  assert.deepEqual([await leases(), await left()], [[split], 0]);
});

test("a lease of which nothing was accepted before a crash is closed at its own clearing", async () => {
  const lease = await serve(machine.start(scene));
  const [found] = await createOpenLeases(scene.store).left([lease.body.lease]);
  assert.deepEqual([found?.clearing, found?.contests, found?.ack.seq], [sellerKey.id, false, 0]);
});

test("processes of one database leave each other's leases alone as long as they run, and close those of one that has ended", async () => {
  const one = machine.start(scene);
  const lease = await serve(one);
  const other = machine.start(scene);
  await other.sweep();
  assert.deepEqual(await leases(), ["open 0 0"]);
  // The first one goes on with it.
  one.giveBack(lease, scene.seller());
  assert.equal(await one.take(scene.seller(), scene.known(), 200_000n), lease);
  // It is killed: another one that runs finds that out as well, not only the next start.
  machine.running.delete(1);
  scene.nowMs += 20_000;
  await other.sweep();
  assert.deepEqual([await leases(), await left()], [["window 0 0"], 0]);
});

test("a process of another machine has ended when it was not seen for a minute", async () => {
  const lease = await serve(machine.start(scene));
  const elsewhere = new BuyersMachine();
  // It does not know the process numbers of the first machine, so it must not ask for them.
  const other = elsewhere.start(scene, "other");
  scene.nowMs += 40_000;
  await other.sweep();
  assert.deepEqual(await leases(), ["open 0 0"]);
  scene.nowMs += 40_000;
  await other.sweep();
  assert.deepEqual([await leases(), lease.body.lease.length > 0], [["window 0 0"], true]);
});
