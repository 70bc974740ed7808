import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Sweep, type Swept } from "./sweep.ts";

test("what waits is looked at every interval; the first look after a time in which the process did not run is left out", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    let nowMs = 0;
    const looks: number[] = [];
    const sweep = new Sweep({ now: () => nowMs, monotonic: () => nowMs }, 100);
    const waiting: Swept = { slot: -1, sweep: (at) => looks.push(at) };
    nowMs = 50_000;
    sweep.add(waiting);
    const tick = (ms: number): void => {
      nowMs += ms;
      mock.timers.tick(100);
    };
    tick(100);
    tick(1500);
    tick(60_000);
    tick(100);
    sweep.delete(waiting);
    tick(100);
    assert.deepEqual(looks, [50_100, 51_600, 111_700]);
  } finally {
    mock.timers.reset();
  }
});
