import assert from "node:assert/strict";
import { test } from "node:test";
import type { LedgerReport } from "../../src/app/compose/journals.ts";
import { checkRows, createLoadedDaemon, killRun, lockedRun } from "./kill-run.ts";
import { waitUntil } from "../testbed/wait-until.ts";

test("kill -9 under load: every answered request is in the ledger, once, and nothing else is", async (t) => {
  const figures = await killRun({ kills: 1, requests: 300, width: 32 });
  t.diagnostic(JSON.stringify(figures));
});

test("kill -9 of a worker and of the primary: nothing that was answered is missing", async () => {
  const run = await createLoadedDaemon("gateway: { workers: 2 }\n");
  try {
    const daemon = await run.start();
    const pids = async (): Promise<number[]> => [
      ...new Set([...(await run.home.log()).matchAll(/"pid":(\d+)[^\n]*"msg":"request"/g)].map((match) => Number(match[1]))),
    ];
    await run.load(200, 16);
    const workers = await waitUntil("both have served", async () => {
      await run.load(20, 16);
      const seen = await pids();
      return seen.length === 2 ? seen : undefined;
    });
    const load = run.load(200, 16);
    process.kill(workers[0]!, "SIGKILL");
    await load;
    await waitUntil("its journal is replayed", async () =>
      (await run.home.log()).includes("the journal of an earlier process was replayed"),
    );
    const more = run.load(1000, 16);
    const goal = run.answered.size + 100;
    await waitUntil("enough are answered", () => run.answered.size >= goal);
    daemon.child.kill("SIGKILL");
    await Promise.all([more, daemon.ended]);
    const last = await run.start();
    last.child.kill("SIGTERM");
    assert.equal((await last.ended).code, 0);
    checkRows(run);
  } finally {
    await run.clear();
  }
});

test("a database that is locked under load costs no client anything", async () => {
  await lockedRun(700);
});

test("ledger status without a daemon reports the journals; with one also the waiting records", async () => {
  const run = await createLoadedDaemon("");
  try {
    const daemon = await run.start();
    await run.load(5, 1);
    const settled = /^durability +process\nstate +takes entries\nentries waiting +0\noldest waits +0 ms\nattempts under way +0\n/;
    const isSettled = async (): Promise<boolean> => settled.test((await run.home.tokligence("ledger", "status")).stdout);
    await waitUntil("the entries are in the database", isSettled);
    daemon.child.kill("SIGKILL");
    await daemon.ended;
    const dead = JSON.parse((await run.home.tokligence("ledger", "status", "--json")).stdout) as LedgerReport;
    const { journals, last_checkpoint: checkpoint, ...rest } = dead;
    assert.deepEqual(rest, {
      durability: "process",
      healthy: null,
      problem: null,
      queued: null,
      lag_ms: null,
      open_attempts: null,
      directory: `${run.home.database}.journal`,
    });
    assert.ok(checkpoint !== null && journals.length === 1 && journals[0]!.size_bytes > 1000 && !journals[0]!.finished);
    const again = await run.start();
    again.child.kill("SIGTERM");
    await again.ended;
    const ended = await run.home.tokligence("ledger", "status");
    assert.match(ended.stdout, /\nstate +no daemon is running\n[^]*in the database$/m);
  } finally {
    await run.clear();
  }
});
