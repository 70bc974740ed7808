import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** The one loop that waits, the reporter, whose loop has its own deadline, and the examples below. */
const allowed = ["tests/testbed/wait-until.ts", "tests/testbed/left-open.ts", "tests/repo/waiting-loops.test.ts"];

/** A loop without a count (`while`, `do`, `for (;;)`) that waits for time to pass or for a turn of the event loop, within three lines. */
const waitingLoop =
  /^[^\n/*]*\b(?:while \(|do \{|for \([^;\n]*;[^;\n]*; ?\)|for \(;;\))(?:[^\n]*\n){0,3}?[^\n]*(?:await (?:setImmediate|setTimeout|delay)\(|await new Promise[^\n]*set(?:Immediate|Timeout))/m;

function findWaitingLoop(text: string): string | undefined {
  return waitingLoop.exec(text)?.[0];
}

test("tests wait for something with waitUntil, which has a deadline, and in no loop of their own", () => {
  const paths = globSync(["tests/**/*.ts", "src/**/*.test.ts", "src/**/*testing.ts"], {
    cwd: root,
    exclude: (path) => path.includes("node_modules"),
  });
  assert.ok(paths.length > 300, `${paths.length} files`);
  const found = paths.flatMap((path) => {
    if (allowed.includes(path.replaceAll("\\", "/"))) return [];
    const loop = findWaitingLoop(readFileSync(join(root, path), "utf8"));
    return loop === undefined ? [] : [`${path}: ${loop}`];
  });
  assert.deepEqual(found, []);
});

test("such loops are found", () => {
  for (const loop of [
    ["while (rows.length === known) await new Promise((resolve) => setImm", "ediate(resolve));"],
    ["for (;;) {\n  const value = await read();\n  if (value !== 404) break;\n  await set", "Timeout(10);\n}"],
    ["for (const endMs = now() + 10; ;) {\n  await new Promise((resolve) => setTi", "meout(resolve, 10));\n}"],
  ])
    assert.notEqual(findWaitingLoop(loop.join("")), undefined, loop.join(""));
  assert.equal(findWaitingLoop("for (let i = 0; i < 3; i++) await setImmediate();"), undefined);
});
