import { test } from "node:test";
import { killRun, lockedRun } from "../process/kill-run.ts";

test("twenty times kill -9 at full rate: every answered request is in the ledger, once, and nothing else is", async (t) => {
  t.diagnostic(JSON.stringify(await killRun({ kills: 20, requests: 6000, width: 64 })));
});

test("a database that is locked for thirty seconds under load costs no client anything", async () => {
  await lockedRun(30_000);
});
