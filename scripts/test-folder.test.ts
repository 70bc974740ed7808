import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createTestFolder } from "./test-folder.ts";

test("the folder of a run is removed at its end, or by the next run if its own was killed", (t) => {
  const parent = mkdtempSync(join(tmpdir(), "tokligence-folders-"));
  t.after(() => rmSync(parent, { recursive: true }));
  const { pid } = spawnSync(process.execPath, ["-e", "0"]);
  const [ofTheDead, ofTheRunning, ofOthers] = [`tokligence-tests-${pid}-a`, `tokligence-tests-${process.ppid}-a`, "tokligence-other-1"].map(
    (name) => join(parent, name),
  );
  for (const path of [ofTheDead!, ofTheRunning!, ofOthers!]) mkdirSync(path);
  const { path, remove } = createTestFolder(parent);
  const exist = (): boolean[] => [ofTheDead!, ofTheRunning!, ofOthers!, path].map((each) => existsSync(each));
  assert.deepEqual([exist(), (statSync(path).mode & 0o777).toString(8)], [[false, true, true, true], "711"]);
  remove();
  assert.deepEqual(exist(), [false, true, true, false]);
});
