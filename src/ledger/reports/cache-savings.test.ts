import assert from "node:assert/strict";
import { test } from "node:test";
import { rowOf } from "../entries/usage-row.ts";
import { closeRecord } from "../testing.ts";
import type { Usage } from "../../ir/index.ts";
import { cacheSavings } from "./cache-savings.ts";

const price = { source: "catalogue", input: "3", output: "15", cache_read: "0.3", cache_write_5m: "3.75", cache_write_1h: "6" };

function savingsOf(usage: Usage, rates: unknown = price): string | null {
  return cacheSavings(rowOf(closeRecord("req_1"), usage, { costNanoUsd: 0n, snapshot: null }), rates);
}

test("reading a cache saves, writing it costs, by the entry's own rates", () => {
  assert.deepEqual(
    [
      { input: 1000, cacheRead: 1000 },
      { input: 1000, cacheWrite5m: 1000 },
      { input: 1000, cacheRead: 500, cacheWrite5m: 100, cacheWrite1h: 100 },
      { input: 1000, cacheRead: 0 },
      { input: 1000 },
    ].map((usage) => savingsOf(usage)),
    ["0.0027", "-0.00075", "0.000975", null, null],
  );
});

test("without rates nothing is known to be saved; without a rate of its own a cached token costs what others cost", () => {
  assert.deepEqual(
    [null, { source: "upstream", cost: "1" }, { input: "3" }].map((rates) => savingsOf({ input: 9, cacheRead: 9 }, rates)),
    [null, null, "0"],
  );
});
