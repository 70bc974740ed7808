import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicLimitHeaders, openaiLimitHeaders, readReset, writeReset } from "./limit-headers.ts";

test("a reset is written as each vendor writes it, and read back", () => {
  const nowMs = Date.UTC(2026, 10, 29, 1, 2, 3, 400);
  const rows = [0, 120, 999.2, 8640, 60_000, 360_000, 86_399_000].map((ms) => {
    const [duration, time] = [openaiLimitHeaders, anthropicLimitHeaders].map((names) => writeReset(names, ms, nowMs)) as [string, string];
    return [duration, time, readReset(openaiLimitHeaders, duration, nowMs), readReset(anthropicLimitHeaders, time, nowMs)];
  });
  assert.deepEqual(rows, [
    ["0ms", "2026-11-29T01:02:04Z", 0, 600],
    ["120ms", "2026-11-29T01:02:04Z", 120, 600],
    ["1s", "2026-11-29T01:02:05Z", 1000, 1600],
    ["8.64s", "2026-11-29T01:02:13Z", 8640, 9600],
    ["1m0s", "2026-11-29T01:03:04Z", 60_000, 60_600],
    ["6m0s", "2026-11-29T01:08:04Z", 360_000, 360_600],
    ["23h59m59s", "2026-11-30T01:02:03Z", 86_399_000, 86_399_600],
  ]);
});

test("what is no reset of the vendor's is not read; one that is over is now", () => {
  const bad = ["", "soon", "1d", "-1s", "12", "1s2"].map((text) => readReset(openaiLimitHeaders, text, 0));
  assert.deepEqual(
    bad,
    Array.from({ length: 6 }, () => undefined),
  );
  assert.deepEqual(
    [readReset(anthropicLimitHeaders, "soon", 0), readReset(anthropicLimitHeaders, "2026-11-29T00:00:00Z", 2e12)],
    [undefined, 0],
  );
});
