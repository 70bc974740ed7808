import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeKey } from "../identity/node-key.ts";
import { createOffers } from "./offers.ts";
import type { Share } from "./shares.ts";

test("an offer's number grows by time, not by requests: a busy seller that is started anew is not behind its own offers", async () => {
  let nowMs = 1_800_000_005_000;
  let free = 2;
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
  // Tenths of a second.
  const begin = 18_000_000_050 % 1_000_000_000;
  assert.deepEqual(seen, [
    [begin, 0],
    [begin + 100, 0],
  ]);
  // A new price is shown at once.
  offers.changed();
  assert.equal((await offers.current())[0]!.document.body.seq, begin + 200);
  nowMs += 1000;
  assert.equal((await make().current())[0]!.document.body.seq, begin + 210);
});
