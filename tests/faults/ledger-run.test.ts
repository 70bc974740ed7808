import assert from "node:assert/strict";
import { test } from "node:test";
import { ledgerRun } from "./ledger-run.ts";

test("no request without a row, no row without a request, and every token at its price", async (t) => {
  const { requests, rows, inputTokens, costNanoUsd } = await ledgerRun({ requests: 312, width: 12 });
  assert.equal(rows, requests);
  t.diagnostic(`${requests} requests, ${rows} rows, ${inputTokens} input tokens of good answers, ${costNanoUsd} nano-USD`);
});
