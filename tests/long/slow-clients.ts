import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { sendRaw } from "../e2e/raw-http.ts";
import { createHome, type Home, type RunningProcess } from "../process/processes.ts";
import { slowClients } from "../security/slow-clients.ts";
import { writeFigures } from "./figures.ts";

/** A client is cut off after 15 s without progress. */
const cutMs = 15_000;

async function withDaemon(run: (daemon: RunningProcess, home: Home) => Promise<void>): Promise<void> {
  const home = await createHome();
  try {
    await home.writeConfig("gateway: { work_mode: auto }\n");
    await run(await home.start(), home);
  } finally {
    await home.clear();
  }
}

test("1,200 slow clients are cut off in the time that the configuration has by default, and a good client is served meanwhile", async () => {
  await withDaemon(async ({ url, port, api_key: key }) => {
    const figures = await slowClients({ url, port, key: key!, each: 200, byteMs: 500, withinMs: cutMs + 10_000 });
    const { connections, stillOpen, good } = figures;
    const failed = good.statuses.filter((status) => status !== 200).length;
    writeFigures("slow-clients", {
      own: { connections, still_open: stillOpen.length, good_requests: good.statuses.length, failed, slowest_ms: good.slowestMs },
    });
    assert.deepEqual([stillOpen, failed], [[], 0]);
  });
});

const noTool = spawnSync("slowhttptest", ["-h"]).error !== undefined && "slowhttptest is not in PATH (Debian's package of that name)";
/** Slow heads, slow bodies, slow readers. */
const modes = { heads: ["-H"], bodies: ["-B"], readers: ["-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32"] } as const;

test("slowhttptest keeps nobody from being served: slow heads, bodies and readers", { skip: noTool }, async () => {
  for (const [name, mode] of Object.entries(modes)) {
    await withDaemon(async ({ url, api_key: key }) => {
      const args = [...mode, "-c", "500", "-r", "200", "-i", "5", "-l", "25", "-p", "5", "-t", "POST", "-u", `${url}/v1/chat/completions`];
      const tool = spawn("slowhttptest", args, { stdio: "ignore" });
      const ended = once(tool, "exit");
      const statuses: number[] = [];
      const body = JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] });
      for (let asked = 0; tool.exitCode === null && asked < 600; asked++) {
        const headers = ["x-api-key", key!, "content-type", "application/json"];
        statuses.push((await sendRaw(url, { path: "/v1/chat/completions", headers, body })).status);
        await wait(50);
      }
      tool.kill();
      await ended;
      const failed = statuses.filter((status) => status !== 200).length;
      writeFigures("slow-clients", { [`slowhttptest_${name}`]: { connections: 500, good_requests: statuses.length, failed } });
      assert.ok(statuses.length > 20 && failed === 0, `${failed} of ${statuses.length} failed`);
    });
  }
});
