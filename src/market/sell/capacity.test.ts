import assert from "node:assert/strict";
import { test } from "node:test";
import { Capacity } from "./capacity.ts";
import { askPrice } from "./ask-price.ts";
import { checkHours, isOpen } from "./hours.ts";
import type { Share } from "./shares.ts";

const at = (time: string): number => Date.parse(`2026-01-31T${time}:00Z`);

interface World {
  own?: number;
  sold?: number;
  block?: "throttled" | "breaker";
  /** The time of the block is over, and no own request has been sent since. */
  isOver?: boolean;
  /** The share of a limit of requests a minute that is used, and the slots of one of four that are taken. */
  used?: number;
  slots?: number;
  hours?: readonly string[];
  isPaused?: boolean;
  reserve?: number;
}

function placesOf({ own = 0, sold = 0, block, isOver = false, used = 0, slots = 0, hours, isPaused = false, reserve = 1 }: World): string {
  const availability = block === undefined || isOver ? "ready" : "last-resort";
  const state = { measures: { inFlight: own }, availability: () => availability, block };
  const buckets = [
    { counts: "requests", amount: 10, inFlight: 0, others: 0, fullAtMs: 1000 + used * 60_000, periodMs: 60_000 },
    { counts: "slots", amount: 4, inFlight: slots, others: 0, fullAtMs: 0, periodMs: 0 },
  ];
  const capacity = new Capacity({
    settings: () => ({ reserve, headroom: 0.2, preempt: "drain" }),
    states: { list: () => [{ provider: "rig", model: "m", keyId: "rig", state }] as never },
    limitsOf: () => buckets as never,
    sold: () => sold,
    clock: { now: () => at("12:30"), monotonic: () => 1000 },
  });
  capacity.isPaused = isPaused;
  const terms = { concurrency: 4, ...(hours === undefined ? {} : { hours }) };
  const { free, reason = "" } = capacity.places({ model: "m", provider: "rig", upstreamModel: "m", terms } as unknown as Share);
  return `${free} ${reason}`.trim();
}

test("own requests come first: each takes a place of those that are sold, and some are kept for them", () => {
  assert.deepEqual(
    [
      placesOf({}),
      placesOf({ own: 1, sold: 1 }),
      placesOf({ own: 3 }),
      placesOf({ sold: 3 }),
      placesOf({ reserve: 9 }),
      placesOf({ own: 9 }),
    ],
    [
      "3",
      "1",
      "0 3 requests of this gateway's own need its places",
      "0 all its places are taken",
      "0 market.sell.reserve keeps all its places",
      "0 9 requests of this gateway's own need its places",
    ],
  );
});

test("nothing is sold while it is paused, outside of its hours, of a provider that refuses, or where own limits are short", () => {
  assert.deepEqual(
    [
      placesOf({ isPaused: true }),
      placesOf({ hours: ["20:00-07:00"] }),
      placesOf({ hours: ["20:00-07:00", "12:00-13:00"] }),
      placesOf({ block: "throttled" }),
      placesOf({ block: "throttled", isOver: true }),
      placesOf({ block: "breaker" }),
      placesOf({ used: 0.79 }),
      placesOf({ used: 0.81 }),
      placesOf({ slots: 4 }),
    ],
    [
      "0 selling is paused (tokligence market resume)",
      "0 it is outside of its hours (20:00-07:00 UTC)",
      "3",
      "0 its provider limits the rate",
      "3",
      "0 its provider has failed too often",
      "3",
      "0 this gateway's own limits leave too little (market.sell.headroom)",
      "0 this gateway's own limits leave too little (market.sell.headroom)",
    ],
  );
});

test("a window goes past midnight, begins with its first minute and ends before its last", () => {
  const open = (window: string, time: string): boolean => isOpen([window], at(time));
  assert.deepEqual(
    [open("20:00-07:00", "20:00"), open("20:00-07:00", "06:59"), open("20:00-07:00", "07:00"), open("12:00-13:00", "13:00")],
    [true, true, false, false],
  );
  for (const wrong of ["24:00-07:00", "7-9", "", "12:00-13:00 "]) assert.throws(() => checkHours([wrong]), /windows of UTC/, wrong);
});

test("a price follows the cost with a margin, or the cheapest offer of others, and never goes below its floor", () => {
  const set = { input: "1000", output: "2000", cache_read: "500" };
  const cost = { input: "101", output: "301", cache_read: "200" };
  const others = { input: "900", output: "1800", cache_read: "900" };
  const both = { cost, others };
  assert.deepEqual(askPrice(set, undefined, both), set);
  // Rounded up; what is cached costs no more than what is not.
  assert.deepEqual(askPrice(set, { kind: "margin", share: 2000 }, both), { input: "122", output: "362", cache_read: "122" });
  assert.deepEqual(askPrice(set, { kind: "margin", share: 0, floor: { input: "150", output: "0" } }, both), {
    input: "150",
    output: "301",
    cache_read: "150",
  });
  // Without a floor of its own, the price that was set is the least.
  assert.deepEqual(askPrice(set, { kind: "follow", share: 100 }, both), { input: "1000", output: "2000", cache_read: "891" });
  assert.deepEqual(askPrice(set, { kind: "follow", share: 100, floor: { input: "0", output: "1790" } }, both), {
    input: "891",
    output: "1790",
    cache_read: "891",
  });
  // Of arbitrage: below others, but never below the cost; without a cost, never below the price that was set.
  const arbitrage = { kind: "follow", share: 100, aboveCost: true } as const;
  assert.deepEqual(
    [
      askPrice(set, arbitrage, both),
      askPrice(set, arbitrage, { ...both, cost: { input: "890", output: "1900", cache_read: "1" } }),
      askPrice(set, arbitrage, { cost: undefined, others: both.others }),
      askPrice(set, { ...arbitrage, floor: { input: "895", output: "0" } }, both),
      askPrice(set, arbitrage, { cost: { input: "3000", output: "3000", cache_read: "0" }, others: undefined }),
    ],
    [
      { input: "891", output: "1782", cache_read: "891" },
      { input: "891", output: "1900", cache_read: "891" },
      { input: "1000", output: "2000", cache_read: "891" },
      { input: "895", output: "1782", cache_read: "891" },
      { input: "3000", output: "3000", cache_read: "500" },
    ],
  );
  // Nothing to follow.
  const none = { cost: undefined, others: undefined };
  assert.deepEqual([askPrice(set, { kind: "margin", share: 1 }, none), askPrice(set, { kind: "follow", share: 1 }, none)], [set, set]);
});
