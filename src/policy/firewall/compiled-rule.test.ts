import assert from "node:assert/strict";
import { test } from "node:test";
import { describeCounts } from "./compiled-rule.ts";

test("what was found is named by kind, and of many kinds the first twenty", () => {
  assert.equal(describeCounts(new Map([["email", 2]])), "email 2");
  const counts = new Map(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, 1]));
  const named = Array.from({ length: 20 }, (_, at) => `k${at} 1`).join(", ");
  assert.equal(describeCounts(counts), `${named}, 19980 other kinds`);
});
