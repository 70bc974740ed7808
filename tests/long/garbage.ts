import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { GarbageFigure } from "../../bench/garbage.ts";
import { findDearer, lastCommit, readHistory } from "../../bench/history.ts";
import { writeFigures } from "./figures.ts";

const tools = ["wrk", "gcc", "taskset", "git"];
const missing = tools.filter((tool) => spawnSync(tool, ["--version"]).error !== undefined);

/** `false`: it can be measured. */
function reasonNotTo(): string | false {
  if (process.platform !== "linux") return "reads /proc";
  if (missing.length > 0) return `needs ${missing.join(", ")}`;
  const commit = lastCommit(readHistory());
  if (commit === undefined) return "no version is recorded";
  return spawnSync("git", ["cat-file", "-e", `${commit}^{commit}`]).status !== 0 && `this clone has no commit ${commit}`;
}

test("a request allocates no more than in the last version that was recorded", { skip: reasonNotTo() }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "garbage-"));
  try {
    const json = join(folder, "garbage.json");
    const options = [
      "--garbage",
      "--against",
      lastCommit(readHistory())!,
      "--workloads",
      "W1,W2,W3,W5p,W6",
      "--rounds",
      "5",
      "--seconds",
      "2",
    ];
    execFileSync(process.execPath, ["bench/run.ts", ...options, "--json", json], { stdio: ["ignore", "ignore", "inherit"] });
    const { garbage } = JSON.parse(readFileSync(json, "utf8")) as { readonly garbage: readonly GarbageFigure[] };
    for (const { workload, target, bytesPerRequest } of garbage) t.diagnostic(`${workload} ${target}: ${bytesPerRequest} bytes a request`);
    const kibOf = (wanted: string): Readonly<Record<string, number>> =>
      Object.fromEntries(
        garbage
          .filter(({ target }) => target === wanted)
          .map(({ workload, bytesPerRequest }) => [workload, Math.round(bytesPerRequest / 102.4) / 10]),
      );
    writeFigures("garbage", { kib: kibOf("gateway"), kib_recorded: kibOf("against") });
    assert.deepEqual(findDearer(garbage), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
