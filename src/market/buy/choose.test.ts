import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseOffer, highestPrice, isWithin, type Choice, type Need } from "./choose.ts";
import { SellerRecord } from "./seller-record.ts";

function choice(node: string, rate: number, more: Partial<Choice["offer"]["body"]> = {}): Choice {
  const price = { input: String(rate), output: String(rate), cache_read: String(rate) };
  const body = { model: "m", price, free: 1, context: 8000, until: 1000, features: ["tools"], dialects: ["openai-chat"], ...more };
  return { seller: { node: { node } }, offer: { body, hash: node } } as unknown as Choice;
}

const need: Need = { inputTokens: 1000, hasTools: false, dialect: "openai-chat", without: () => false };

function picks(choices: readonly Choice[], wanted: Partial<Need> = {}, record = new SellerRecord()): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let step = 0; step < 1000; step++) {
    const found = chooseOffer(choices, { ...need, ...wanted }, { record, nowMs: 10, random: () => (step + 0.5) / 1000 });
    const name = found?.seller.node.node ?? "none";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test("one of the three cheapest is drawn, in proportion to 1/E²", () => {
  const found = picks([choice("dear", 9e9), choice("a", 1e9), choice("b", 2e9), choice("c", 4e9)]);
  assert.deepEqual(found, { a: 762, b: 190, c: 48 });
});

test("offers that do not fit, sellers that are full or have failed twice in a minute are passed over", () => {
  const record = new SellerRecord();
  record.add("broken", "m", false, 5);
  record.add("broken", "m", false, 6);
  const choices = [
    choice("short", 1, { context: 10 }),
    choice("full", 1, { free: 0 }),
    choice("ended", 1, { until: 10 }),
    choice("plain", 1, { features: [] }),
    choice("gemini", 1, { dialects: ["gemini-generate"] }),
    choice("broken", 1),
    choice("left-out", 1),
    choice("good", 1e9),
  ];
  assert.deepEqual(picks(choices, { hasTools: true, without: (node) => node === "left-out" }, record), { good: 1000 });
  assert.deepEqual(picks([choice("full", 1, { free: 0 })]), { full: 1000 });
  assert.deepEqual(picks([]), { none: 1000 });
});

test("a budget reserves the highest rates of the three cheapest, and nothing dearer is bought", () => {
  const offers = [choice("a", 1), choice("b", 2), choice("c", 3), choice("dear", 900)].map(({ offer }) => offer);
  const most = highestPrice(offers)!;
  assert.deepEqual(most, { input: "3", output: "3", cache_read: "3" });
  assert.deepEqual(
    offers.map(({ body }) => isWithin(body.price, most)),
    [true, true, true, false],
  );
  assert.equal(highestPrice([]), undefined);
});
