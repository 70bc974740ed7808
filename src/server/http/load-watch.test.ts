import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { LoadWatch, type MemoryUse } from "./load-watch.ts";

interface Scene {
  readonly watch: LoadWatch;
  readonly warnings: unknown[];
  memory: MemoryUse[];
  isStopped: boolean;
  /** The share of the time in which the event loop waits for work. */
  idleShare: number;
  /** Looks, each this number of milliseconds after the one before. */
  look(...afterMs: readonly number[]): void;
}

function createScene(): Scene {
  let nowMs = 1000;
  let idleMs = 0;
  let tick: () => void = () => undefined;
  const warnings: unknown[] = [];
  const scene: Scene = {
    warnings,
    memory: [{ usedBytes: 1, limitBytes: 100 }],
    isStopped: false,
    idleShare: 0,
    watch: new LoadWatch({
      now: () => nowMs,
      logger: { ...silentLogger, warn: (fields) => void warnings.push(fields) },
      readMemory: () => scene.memory,
      readIdleMs: () => idleMs,
      every: (everyMs, task) => {
        assert.equal(everyMs, 100);
        tick = task;
        return () => {
          scene.isStopped = true;
        };
      },
    }),
    look(...afterMs) {
      for (const ms of afterMs) {
        nowMs += ms;
        idleMs += ms * scene.idleShare;
        tick();
      }
    },
  };
  return scene;
}

test("an event loop that is late three times in a row refuses a share of the work, more the later it is", () => {
  const scene = createScene();
  const shares = [[100, 100, 100], [260, 260], [300], [475, 475, 475], [2000, 3000, 2000], [100]].map((afterMs) => {
    scene.look(...afterMs);
    return [scene.watch.delayMs, Math.round(scene.watch.share * 100) / 100, scene.watch.reason];
  });
  assert.deepEqual(shares, [
    [0, 0, "event_loop"],
    [0, 0, "event_loop"],
    [160, 0.02, "event_loop"],
    [375, 0.5, "event_loop"],
    [1900, 1, "event_loop"],
    [0, 0, "event_loop"],
  ]);
});

test("one long piece of work, or a machine that slept for an hour, refuses nothing", () => {
  const scene = createScene();
  scene.look(100, 3_600_000, 100, 400, 100, 100, 900, 900, 100);
  assert.deepEqual([scene.watch.share, scene.warnings], [0, []]);
});

test("an event loop that is late but has time to spare refuses nothing: the machine is slow, and the process has little to do", () => {
  const scene = createScene();
  scene.idleShare = 0.1;
  scene.look(2000, 2000, 2000, 2000);
  assert.deepEqual([scene.watch.delayMs, scene.watch.share], [1900, 0]);
  scene.idleShare = 0.05;
  scene.look(2000, 2000);
  assert.equal(scene.watch.share, 0);
  scene.look(2000);
  assert.equal(scene.watch.share, 1);
});

test("memory of the heap or of the container that is nearly used up refuses work, and is looked at with each fifth look", () => {
  const scene = createScene();
  scene.look(100);
  scene.memory = [
    { usedBytes: 50, limitBytes: 100 },
    { usedBytes: 180, limitBytes: 200 },
  ];
  scene.look(100, 100, 100, 100);
  assert.equal(scene.watch.share, 0);
  scene.look(100);
  assert.deepEqual([Math.round(scene.watch.share * 100) / 100, scene.watch.reason], [0.5, "memory"]);
  scene.memory = [{ usedBytes: 99, limitBytes: 100 }];
  scene.look(100, 100, 100, 100, 100);
  assert.deepEqual([scene.watch.share, scene.watch.reason], [1, "memory"]);
  scene.memory = [];
  scene.look(100, 100, 100, 100, 100);
  assert.equal(scene.watch.share, 0);
});

test("the log names a trouble once a minute", () => {
  const scene = createScene();
  scene.look(400, 400, 400, 400, 100, 400, 400, 400);
  assert.deepEqual(scene.warnings, [{ reason: "event_loop", delay_ms: 300, memory_share: 0.01 }]);
  for (let i = 0; i < 200; i++) scene.look(400);
  assert.equal(scene.warnings.length, 2);
  scene.watch.stop();
  assert.ok(scene.isStopped);
});
