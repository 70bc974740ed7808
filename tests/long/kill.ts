import { test } from "node:test";
import { writeFigures } from "./figures.ts";
import { killRun, lockedRun } from "../process/kill-run.ts";

test("twenty times kill -9 at full rate: every answered request is in the ledger, once, and nothing else is", async () => {
  const { perSecond, ...counts } = await killRun({ kills: 20, requests: 6000, width: 64 });
  writeFigures("kill", { killed: { kills: 20, ...counts, requests_per_second: perSecond } });
});

test("a database that is locked for thirty seconds under load costs no client anything", async () => {
  writeFigures("kill", { locked: { locked_ms: 30_000, answered: await lockedRun(30_000) } });
});
