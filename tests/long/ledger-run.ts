import { test } from "node:test";
import { writeFigures } from "./figures.ts";
import { ledgerRun } from "../faults/ledger-run.ts";

test("ten thousand requests: none without a row, no row without one, every token at its price", async () => {
  const { requests, rows, inputTokens, costNanoUsd } = await ledgerRun({ requests: 10_000, width: 32 });
  writeFigures("ledger-run", { requests, rows, input_tokens: inputTokens, cost_nano_usd: Number(costNanoUsd) });
});
