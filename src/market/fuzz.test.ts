import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzParsers } from "./fuzz-testing.ts";

test("2,000 changed documents and frames are read as what they say, or refused", () => {
  const { accepted, refused, frames } = fuzzParsers({ seed: 3, runs: 2000 });
  assert.ok(accepted > 50 && refused > 1000 && frames > 500, JSON.stringify({ accepted, refused, frames }));
});
