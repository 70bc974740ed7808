import assert from "node:assert/strict";
import { test } from "node:test";
import { statementsText, statusText, type Peer, type Status } from "./market-texts.ts";

const peer: Peer = {
  name: "rig-of-a-friend",
  node: "tn1_x",
  url: "http://192.0.2.7:8082",
  limit_credits: "5",
  blocked: false,
  balance_credits: "-0.00071388",
  reserved_credits: "0.02",
  own_balance_credits: "-1.25",
  own_reserved_credits: "0.04",
  own_reserved_until: "2026-11-29T07:00:00.000Z",
  problem: null,
};
const status: Status = {
  node: "tn1_y",
  reach: "http://192.0.2.8:8082",
  listening: true,
  paused: false,
  shares: [],
  peers: [peer],
  relays: [],
  relayed: [],
  earned_credits: "0.5",
  spent_credits: "1.25",
  reserved_credits: "0.04",
  reserved_until: "2026-11-29T07:00:00.000Z",
};
const share = {
  model: "qwen3",
  provider: "rig",
  upstream_model: "qwen3",
  input_usd: "0.08",
  output_usd: "0.28",
  cache_read_usd: "0.08",
  licence: "",
  source: "self-hosted",
  contract: null,
  concurrency: 2,
  rule: "fixed",
  hours: [],
  free: 0,
};

test("one sentence says what is earned, spent and reserved until when, and another why nothing is sold", () => {
  const sentences = (change: Partial<Status>): readonly string[] =>
    statusText({ ...status, ...change })
      .split("\n")
      .slice(0, 2);
  const money = "Earned 0.5 credits, spent 1.25, and 0.04 are reserved at others until 2026-11-29 07:00.";
  assert.deepEqual(sentences({}), [money, "Nothing is sold, as no model is shared: tokligence market share MODEL."]);
  const shared = { shares: [share] };
  const selling = [
    sentences({ ...shared, paused: true }),
    sentences({ ...shared, reach: null }),
    sentences({ ...shared, peers: [] }),
    sentences(shared),
    sentences({ shares: [{ ...share, free: 1 }] }),
    sentences({ reserved_credits: "0", reserved_until: null }),
  ];
  assert.deepEqual(
    selling.map((lines) => lines.find((line) => line !== money)),
    [
      "Nothing is sold, as selling is paused: tokligence market resume.",
      "Nothing is sold, as the market's address could not be opened; the log says why.",
      "Nothing is sold, as no other gateway has joined: tokligence market invite.",
      "Selling at http://192.0.2.8:8082, but all places are taken at the moment.",
      "Selling at http://192.0.2.8:8082.",
      "Earned 0.5 credits, spent 1.25, and nothing is reserved.",
    ],
  );
});

test("a statement that is wrong, one that cannot be asked for and one that is right read differently", () => {
  const one = {
    clearing: "rig",
    entries: 3,
    checked_entries: 3,
    balance_credits: "-1",
    reserved_credits: "0",
    limit_credits: "5",
    head: "",
    time: "",
  };
  const text = statementsText([
    { ...one, state: "right", problem: null },
    { ...one, state: "wrong", problem: "its head is not that of its 3 entries" },
    { ...one, state: "unknown", problem: "Provider @rig refuses connections." },
    { ...one, clearing: "here", owner: "anna", checked_entries: 0, state: "right", problem: null },
  ]);
  assert.deepEqual(text.split("\n"), [
    "ACCOUNT       ENTRIES  BALANCE  RESERVED  LIMIT  STATE",
    "yours at rig        3       -1         0      5  right",
    "yours at rig        3       -1         0      5  WRONG",
    "yours at rig        3       -1         0      5  not known",
    "anna's here         3       -1         0      5  right",
    "",
    "Your account at rig: 3 entries were hashed, and the head is right.",
    "Your account at rig is wrong: its head is not that of its 3 entries.",
    "Nothing is bought from rig; both documents are kept.",
    "rig cannot be asked now: Provider @rig refuses connections.",
    "anna's account here: nothing new; --verify hashes all entries.",
  ]);
});
