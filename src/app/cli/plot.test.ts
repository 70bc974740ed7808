import assert from "node:assert/strict";
import { test } from "node:test";
import { plotLines } from "./plot.ts";

const label = (value: number): string => `${Math.round(value)} ms`;

test("a plot begins at zero, leaves gaps where nothing is known, and points at changes", () => {
  assert.deepEqual(plotLines([0, 4, 8, 12, null, 24, 24, 12, 6, 3], { width: 80, marks: [0.5], label }), [
    "24 ms ┤     ██",
    "      ┤   ▄ ██▄",
    " 0 ms ┤▁▄██ ███▆▃",
    "            ^",
  ]);
});

test("a plot fits the terminal: neighbours become their mean", () => {
  const values = Array.from({ length: 168 }, (_, at) => (at < 84 ? 10 : 20));
  for (const width of [80, 200, Infinity]) {
    const lines = plotLines(values, { width, marks: [], label });
    assert.ok(Math.max(...lines.map((line) => line.length)) <= Math.min(width, 178));
    assert.match(lines[0]!, /^20 ms ┤ +█+$/);
  }
});
