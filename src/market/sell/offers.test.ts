import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeKey } from "../identity/node-key.ts";
import { nextNumber } from "./offer-numbers.ts";
import { createOffers } from "./offers.ts";
import type { Share } from "./shares.ts";

test("an offer's number grows by time, not by requests: a busy seller that is started anew is not behind its own offers", async () => {
  let nowMs = 1_800_000_005_000;
  let free = 2;
  let stored = 0;
  const terms = {
    price: { input: "1", output: "2", cache_read: "1" },
    source: "self-hosted",
    licence: "",
    concurrency: 2,
    context: 1,
    maxOutput: 1,
  };
  const share = {
    model: "m",
    offer: "ofr_01890000-0000-7000-8000-000000000000",
    terms: { ...terms, features: [], weights: "", quantization: "", hold: "5" },
  };
  const make = (): ReturnType<typeof createOffers> =>
    createOffers({
      shares: { list: () => Promise.resolve([share as unknown as Share]) },
      key: createNodeKey(Buffer.alloc(32, 1)),
      numbers: {
        last: () => Promise.resolve(stored),
        store: (number) => Promise.resolve(void (stored = number)),
      },
      clock: { now: () => nowMs },
      freeSlots: () => free,
      priceOf: ({ terms }) => terms.price,
    });
  const offers = make();
  const seen: (readonly [seq: number, free: number])[] = [];
  for (let second = 0; second < 20; second++, nowMs += 1000) {
    for (let request = 0; request < 10; request++) {
      free = request % 3;
      offers.roomChanged();
      const { seq, free: stated } = (await offers.current())[0]!.document.body;
      if (seen.at(-1)?.[0] !== seq) seen.push([seq, stated]);
    }
  }
  const begin = 1_800_000_005 % 1_000_000_000;
  assert.deepEqual(seen, [
    [begin, 0],
    [begin + 10, 0],
  ]);
  // A new price is shown at once.
  offers.changed();
  assert.equal((await offers.current())[0]!.document.body.seq, begin + 20);
  // Started anew in the same second, and with a clock that was set back.
  const numberOf = async (one: ReturnType<typeof createOffers>): Promise<number> => (await one.current())[0]!.document.body.seq;
  assert.equal(await numberOf(make()), begin + 21);
  nowMs -= 3_600_000;
  assert.deepEqual([await numberOf(make()), await numberOf(offers)], [begin + 22, begin + 21]);
  nowMs += 7_200_000;
  assert.equal(await numberOf(make()), begin + 20 + 3600);
  // Changes at once are signed one after another, and none is lost.
  const busy = make();
  const first = busy.current();
  busy.changed();
  assert.deepEqual([(await first)[0]!.document.body.seq, await numberOf(busy)], [begin + 20 + 3601, begin + 20 + 3602]);
  assert.deepEqual([nextNumber(999_999_999, 5), nextNumber(1_000_000_000, 7_000)], [1_000_000_000, 7]);
});
