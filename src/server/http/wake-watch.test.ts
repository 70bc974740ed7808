import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { WakeWatch } from "./wake-watch.ts";

test("a process that did not run for seconds is waking, before its first tick and for a second after it", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    let nowMs = 1000;
    const watch = new WakeWatch(() => nowMs);
    assert.equal(watch.isWaking, false);
    watch.start();
    nowMs += 2500;
    assert.equal(watch.isWaking, false);
    nowMs += 30_000;
    assert.equal(watch.isWaking, true);
    mock.timers.tick(500);
    assert.equal(watch.isWaking, true);
    nowMs += 999;
    assert.equal(watch.isWaking, true);
    mock.timers.tick(500);
    nowMs += 1;
    assert.equal(watch.isWaking, false);
    watch.stop();
    nowMs += 60_000;
    assert.equal(watch.isWaking, false);
  } finally {
    mock.timers.reset();
  }
});
