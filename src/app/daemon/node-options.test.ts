import assert from "node:assert/strict";
import { test } from "node:test";
import { environmentForChild, nodeOptionsForChild } from "./node-options.ts";

test("another process gets the options of how Node runs, and not those of what it runs", () => {
  const cases: [string[], string[]][] = [
    [[], []],
    [
      ["--max-old-space-size=512", "--import", "./x.js"],
      ["--max-old-space-size=512", "--import", "./x.js"],
    ],
    [["-e", "start()"], []],
    [["--input-type=module", "--eval", "start()", "--no-warnings"], ["--no-warnings"]],
    [
      ["--test", "--test-isolation=none", "--test-timeout=1", "--watch", "--inspect-brk=9229", "-r", "./y.js"],
      ["-r", "./y.js"],
    ],
  ];
  for (const [given, kept] of cases) assert.deepEqual(nodeOptionsForChild(given), [...kept, "--disable-sigusr1"]);
});

test("on Linux another process frees memory as soon as it can, unless the user has decided", () => {
  const mine = { PATH: "/bin", MALLOC_ARENA_MAX: "8" };
  const expected = process.platform === "linux" ? { ...mine, MALLOC_TRIM_THRESHOLD_: "131072" } : mine;
  assert.deepEqual(environmentForChild(mine), expected);
});
