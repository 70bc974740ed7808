import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { waitUntil } from "../tests/testbed/wait-until.ts";
import { readHeap, renderGarbage, summariseGarbage } from "./garbage.ts";

test("the figure is the median of the rounds, with the distance of their quartiles", () => {
  const windows = [
    { requests: 1000, bytes: 21_000_000, minorCollections: 3 },
    { requests: 2000, bytes: 40_000_000, minorCollections: 5 },
    { requests: 1000, bytes: 20_500_000, minorCollections: 2 },
  ];
  const figure = summariseGarbage("W1", "gateway", windows);
  assert.deepEqual(figure, {
    workload: "W1",
    target: "gateway",
    bytesPerRequest: 20_500,
    spread: 500 / 20_500,
    minorCollections: 2.5,
    requests: 4000,
  });
  assert.match(renderGarbage([figure]), /\| W1 \| gateway \| 20\.5 \| 2\.4 \| 2\.50 \| 4000 \|$/);
});

test("a process with the probe says what it has allocated", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "heap-probe-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const socket = join(directory, "heap");
  const work = `process.stdin.on("data", () => { globalThis.kept = Array.from({ length: 100_000 }, (_, i) => ({ i })); console.log("done"); });`;
  const child = spawn(process.execPath, ["--import", join(import.meta.dirname, "heap-probe.ts"), "-e", work], {
    env: { ...process.env, BENCH_HEAP_SOCKET: socket },
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await waitUntil("the probe listens", () => existsSync(socket));
    const before = await readHeap(socket);
    child.stdin.write("go\n");
    await once(child.stdout, "data");
    const { allocatedBytes } = await readHeap(socket);
    const bytes = allocatedBytes - before.allocatedBytes;
    assert.ok(bytes > 2_000_000 && bytes < 20_000_000, `${bytes}`);
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
});
