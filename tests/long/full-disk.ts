import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { writeFigures } from "./figures.ts";
import { checkRows, createLoadedDaemon } from "../process/kill-run.ts";

const mount = (...args: readonly string[]): boolean => spawnSync("mount", args, { stdio: "ignore" }).status === 0;

test("a journal on a disk that is really full refuses with 503, loses nothing, and goes on when there is room", async (t) => {
  const run = await createLoadedDaemon("");
  const directory = `${run.home.database}.journal`;
  mkdirSync(directory, { recursive: true });
  if (!mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", directory)) {
    await run.clear();
    t.skip("this user may not mount a small disk");
    return;
  }
  try {
    const daemon = await run.start();
    await run.load(100_000, 8, true);
    assert.ok(run.answered.size > 200 && run.refused.length > 0, `${run.answered.size} answered`);
    for (const answer of run.refused) assert.match(answer, /^503 .*ledger_unavailable/);
    assert.ok(mount("-o", "remount,size=64m", directory));
    await run.load(200, 8);
    daemon.child.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0);
    checkRows(run);
    writeFigures("full-disk", { disk_kib: 512, answered: run.answered.size, refused: run.refused.length });
  } finally {
    spawnSync("umount", ["--lazy", directory], { stdio: "ignore" });
    await run.clear();
  }
});
