import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { GarbageFigure } from "../../bench/garbage.ts";
import { findDearer, readHistory } from "../../bench/history.ts";

const tools = ["wrk", "gcc", "taskset"];
const missing = tools.filter((tool) => spawnSync(tool, ["--version"]).error !== undefined);
const unable = process.platform === "linux" ? missing.length > 0 && `needs ${missing.join(", ")}` : "reads /proc";

test("a request allocates no more than in the last version that was recorded", { skip: unable }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "garbage-"));
  try {
    const json = join(folder, "garbage.json");
    const args = ["bench/run.ts", "--garbage", "--workloads", "W1,W2,W3,W5p,W6", "--rounds", "5", "--seconds", "2", "--json", json];
    execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
    const { garbage } = JSON.parse(readFileSync(json, "utf8")) as { readonly garbage: readonly GarbageFigure[] };
    for (const { workload, bytesPerRequest } of garbage) t.diagnostic(`${workload}: ${bytesPerRequest} bytes a request`);
    assert.deepEqual(findDearer(readHistory(), garbage), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
