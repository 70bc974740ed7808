import { test } from "node:test";
import { ledgerRun } from "../faults/ledger-run.ts";

test("ten thousand requests: none without a row, no row without one, every token at its price", async (t) => {
  const { requests, rows, inputTokens, costNanoUsd } = await ledgerRun({ requests: 10_000, width: 32 });
  t.diagnostic(`${requests} requests, ${rows} rows, ${inputTokens} input tokens of good answers, ${costNanoUsd} nano-USD`);
});
