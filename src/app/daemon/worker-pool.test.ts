import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { silentLogger, systemClock } from "../../core/index.ts";
import { restartPauseMs, startWorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

const options: WorkerPoolOptions = {
  count: 1,
  task: () => ({
    config: "/nowhere/config.yaml",
    overrides: {},
    text: "",
    workers: 1,
    isPrepared: false,
    configurationFailed: false,
    repaired: undefined,
  }),
  onTargetNews: () => undefined,
  host: "127.0.0.1",
  port: 0,
  sink: { write: () => Promise.resolve() },
  replay: () => Promise.resolve(),
  reload: () => Promise.resolve(),
  clock: systemClock,
  logger: silentLogger,
};

test("a worker that does not serve in time is ended, and the start fails", async () => {
  await assert.rejects(startWorkerPool({ ...options, startMs: 1 }), {
    message: "A worker does not serve within 0.001 s after its start. Look at the log.",
  });
});

test("a port that is taken fails the start before a worker is started", async (t) => {
  const taker = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taker.once("listening", resolve));
  t.after(() => taker.close());
  const { port } = taker.address() as { port: number };
  await assert.rejects(startWorkerPool({ ...options, port }), { message: new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is taken`) });
});

test("a worker that dies soon after its start comes back after a longer pause each time, of half a minute at most", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 8, 9, 1000].map((deaths) => restartPauseMs(200, deaths)),
    [200, 200, 400, 800, 25_600, 30_000, 30_000],
  );
});
