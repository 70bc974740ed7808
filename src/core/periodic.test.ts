import assert from "node:assert/strict";
import { test } from "node:test";
import { createPeriodic, everyByTimer, type Every } from "./periodic.ts";

/** A timer that fires when the test says so. */
function handTimer(): { readonly every: Every; fire(): void; readonly log: string[] } {
  const log: string[] = [];
  const tasks = new Set<() => void>();
  return {
    log,
    every(everyMs, task) {
      log.push(`every ${everyMs}`);
      tasks.add(task);
      return () => {
        log.push("cancelled");
        tasks.delete(task);
      };
    },
    fire: () => tasks.forEach((task) => task()),
  };
}

test("a task runs at each turn, never twice at a time, and a turn that comes during a run is left out", async () => {
  const timer = handTimer();
  const runs: PromiseWithResolvers<void>[] = [];
  const task = createPeriodic({
    everyMs: 500,
    every: timer.every,
    run() {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      return run.promise;
    },
  });
  timer.fire();
  assert.equal(runs.length, 0, "before the start");
  task.start();
  task.start();
  timer.fire();
  timer.fire();
  const same = task.runNow();
  assert.equal(runs.length, 1);
  runs[0]!.resolve();
  await same;
  timer.fire();
  assert.equal(runs.length, 2);
  runs[1]!.resolve();
  await task.stop();
  assert.deepEqual(timer.log, ["every 500", "cancelled"]);
});

test("a run that fails is reported once, and the next one begins as usual", async () => {
  const timer = handTimer();
  const errors: unknown[] = [];
  let count = 0;
  const run = (): Promise<void> => Promise.reject(new Error(`run ${++count}`));
  const task = createPeriodic({ everyMs: 1, every: timer.every, run, onError: (error) => errors.push(String(error)) });
  task.start();
  timer.fire();
  await new Promise(setImmediate);
  timer.fire();
  await new Promise(setImmediate);
  assert.deepEqual(errors, ["Error: run 1", "Error: run 2"]);
  await assert.rejects(task.runNow(), { message: "run 3" });
  await task.stop();
});

test("a stop waits for the run under way, and nothing begins after it", async () => {
  const timer = handTimer();
  const run = Promise.withResolvers<void>();
  let count = 0;
  const task = createPeriodic({
    everyMs: 1,
    every: timer.every,
    run() {
      count += 1;
      return run.promise;
    },
  });
  task.start();
  timer.fire();
  let isStopped = false;
  const stopped = task.stop().then(() => (isStopped = true));
  await new Promise(setImmediate);
  assert.equal(isStopped, false);
  run.reject(new Error("too late to matter"));
  await stopped;
  task.start();
  timer.fire();
  assert.equal(count, 1);
});

test("the process's timer repeats until it is cancelled", async () => {
  let count = 0;
  await new Promise<void>((resolve) => {
    // The timer keeps no process alive: this one does while the test waits.
    const alive = setTimeout(() => undefined, 10_000);
    const cancel = everyByTimer(1, () => {
      count += 1;
      if (count < 3) return;
      cancel();
      clearTimeout(alive);
      resolve();
    });
  });
  assert.equal(count, 3);
});
