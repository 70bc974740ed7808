import assert from "node:assert/strict";
import type { Store } from "../../store/index.ts";
import { withMarketStores } from "../store-testing.ts";
import type { BuySettings } from "./buy-section.ts";
import { Policies } from "./policies.ts";
import { Scores } from "./scores.ts";
import { SellerRecord } from "./seller-record.ts";
import { SpendLimits } from "./spend-limits.ts";

const nowMs = 1_800_000_000_000;
const configured = { policies: new Map([["*", "spill"]]), maxPrices: new Map([["*", 500_000_000n]]) } as unknown as BuySettings;

/** A policy that a command has set is in force in all processes, and its removal is as well. */
async function checkPolicies(store: Store, second: Store): Promise<void> {
  const [here, there] = [store, second].map((db) => new Policies({ store: db, settings: () => configured, now: () => nowMs }));
  await here!.set({ model: "qwen3", policy: "cheaper", maxPrice: 999_999_999_999_999n, minSaving: 0.15 });
  await here!.set({ model: "qwen3", policy: "cheaper", maxPrice: 123_456_789_012_345n, minSaving: 0.2 });
  await here!.set({ model: "phi4", policy: "off", maxPrice: undefined, minSaving: undefined });
  await there!.load();
  const set = { model: "qwen3", policy: "cheaper", maxPrice: 123_456_789_012_345n, minSaving: 0.2, source: "command" };
  const off = { model: "phi4", policy: "off", maxPrice: undefined, minSaving: undefined, source: "command" };
  const others = { model: "*", policy: "spill", maxPrice: 500_000_000n, minSaving: undefined, source: "configuration" };
  assert.deepEqual([there!.of("qwen3"), there!.of("phi4"), there!.of("other")], [set, off, others]);
  assert.deepEqual(there!.list(), [others, off, set]);
  assert.deepEqual([await there!.remove("qwen3"), await there!.remove("qwen3")], [true, false]);
  await here!.load();
  assert.deepEqual(here!.of("qwen3"), others);
}

/** Decayed counts, and when one cheated. */
async function checkScores(store: Store, second: Store): Promise<void> {
  const record = new SellerRecord();
  record.add("bob", "m", true, nowMs);
  record.seen("bob", "m", { tokensPerSecond: 33.5, counted: 100, estimated: 101 }, nowMs);
  record.probed("bob", "m", false, nowMs);
  record.compared("bob", "m", true, nowMs);
  record.cheated("eve", "m", nowMs);
  await new Scores(store, record).save();
  record.add("bob", "m", false, nowMs + 3_600_000);
  await new Scores(store, record).save();
  const next = new SellerRecord();
  await new Scores(second, next).load();
  for (const seller of ["bob", "eve", "new"])
    assert.equal(next.score(seller, "m", nowMs + 3_600_000), record.score(seller, "m", nowMs + 3_600_000), seller);
  assert.deepEqual(next.seenOf("bob", "m"), { answered: 1, failed: 1, probesRight: 0, probesWrong: 1, alike: 1, compared: 1 });
  // What was not changed is not written again.
  assert.deepEqual([...next.takeChanged()], []);
}

/** What other processes have paid in this day. */
async function checkSpent(store: Store, second: Store): Promise<void> {
  const settings = { perDay: 100n, perPeer: 60n };
  const limits = new SpendLimits({ store: second, settings: () => settings, now: () => nowMs });
  const trade = async (id: string, clearing: string, cost: bigint, atMs: number, state = "acked"): Promise<void> => {
    const columns = ["lease", "seq", "request_id", "clearing", "seller", "model", "cost_nano_usd", "state", "at_ms", "receipt"];
    await store.insertRows("market_trades", columns, [[id, 1, id, clearing, "s", "m", cost, state, atMs, ""]]);
  };
  const midnight = nowMs - (nowMs % 86_400_000);
  await trade("yesterday", "bob", 90n, midnight - 1);
  await trade("refused", "bob", 90n, midnight, "refused");
  await trade("one", "bob", 30n, midnight);
  await trade("two", "bob", 25n, midnight + 5);
  await trade("three", "eve", 20n, midnight);
  await limits.load();
  assert.deepEqual([limits.spent(), limits.problem("bob", 5n), limits.problem("eve", 25n)], [75n, undefined, undefined]);
  assert.match(limits.problem("bob", 6n)!, /per_peer/);
  assert.match(limits.problem("eve", 26n)!, /per_day/);
}

withMarketStores(
  "policies, what is known of sellers, and what was paid in a day are the same in all processes of a database",
  async (store, second) => {
    await checkPolicies(store, second);
    await checkScores(store, second);
    await checkSpent(store, second);
  },
);
