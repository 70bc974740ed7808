import assert from "node:assert/strict";
import { test } from "node:test";
import { leastScore } from "./judge-offer.ts";
import { SellerRecord } from "./seller-record.ts";

const day = 86_400_000;
const start = 20_000 * day;

function scoreOf(record: SellerRecord, seller: string, days = 0): number {
  return Number(record.score(seller, "m", start + days * day).toFixed(2));
}

test("a new seller may be asked, answers make it better than a new one, and failures worse", () => {
  const record = new SellerRecord();
  for (let times = 0; times < 20; times++) record.add("good", "m", true, start);
  for (let times = 0; times < 3; times++) record.add("bad", "m", false, start);
  assert.deepEqual([scoreOf(record, "new"), scoreOf(record, "good"), scoreOf(record, "bad")], [0.8, 0.96, 0.5]);
  assert.deepEqual([record.rate("new"), record.rate("good"), record.rate("bad")], [0.8, 0.96, 0.5]);
});

test("evidence counts half after seven days", () => {
  const record = new SellerRecord();
  for (let times = 0; times < 8; times++) record.add("bad", "m", false, start);
  record.add("bad", "m", true, start + 7 * day);
  // 1 good, 4 bad.
  assert.equal(scoreOf(record, "bad", 7), 0.5);
});

test("a refused receipt makes the score 0, and nine days pass before it is asked again; a new name has only a newcomer's score", () => {
  const record = new SellerRecord();
  for (let times = 0; times < 1000; times++) record.add("cheat", "m", true, start);
  record.cheated("cheat", "m", start);
  assert.deepEqual([scoreOf(record, "cheat"), scoreOf(record, "cheat", 7)], [0, 0.5]);
  assert.ok(record.score("cheat", "m", start + 9 * day) < leastScore && record.score("cheat", "m", start + 10 * day) > leastScore);
  assert.equal(scoreOf(record, "new"), 0.8);
});

test("wrong answers of probes weigh five right ones", () => {
  const record = new SellerRecord();
  record.probed("other-model", "m", false, start);
  for (let times = 0; times < 16; times++) record.probed("good", "m", true, start);
  record.probed("good", "m", false, start);
  assert.deepEqual([scoreOf(record, "other-model"), scoreOf(record, "good")], [0.36, 0.64]);
});

test("a seller that is slower than half of what the others are loses up to half, and one that is alone is not compared", () => {
  const record = new SellerRecord();
  const see = (seller: string, tokensPerSecond: number): void => {
    for (let times = 0; times < 3; times++) record.seen(seller, "m", { tokensPerSecond, counted: 100, estimated: 100 }, start);
  };
  see("slow", 10);
  assert.equal(scoreOf(record, "slow"), 0.8);
  see("usual", 100);
  see("also", 90);
  see("half", 60);
  assert.deepEqual([scoreOf(record, "slow"), scoreOf(record, "half"), scoreOf(record, "usual")], [0.4, 0.8, 0.8]);
});

test("over many tokens a seller that counts a tenth more than others for its texts is found, also if it was the first", () => {
  const record = new SellerRecord();
  const see = (seller: string, counted: number): void => {
    for (let times = 0; times < 40; times++) record.seen(seller, "m", { counted, estimated: 1000 }, start);
  };
  see("cheat", 1150);
  assert.equal(record.overCounts("cheat", "m"), false);
  see("honest", 1000);
  see("other", 1030);
  assert.deepEqual(
    ["cheat", "honest", "other", "new"].map((seller) => record.overCounts(seller, "m")),
    [true, false, false, false],
  );
});

test("evidence is stored once for each change, and taken up again", () => {
  const record = new SellerRecord();
  record.add("bob", "m", true, start);
  const [changed] = [...record.takeChanged()];
  assert.deepEqual([changed!.node, changed!.model, [...record.takeChanged()].length], ["bob", "m", 0]);
  const next = new SellerRecord();
  next.restore("bob", "m", changed!.evidence);
  assert.equal(next.score("bob", "m", start), record.score("bob", "m", start));
});
