import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeOptionsForChild } from "./node-options.ts";

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
