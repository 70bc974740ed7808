import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { followFile } from "./follow-file.ts";

test("of many new lines, a look gives the first ones and the number of the others, and goes on with the next line", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "follow-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "log");
  writeFileSync(file, "");
  const seen: (string | number)[] = [];
  const follower = followFile({
    file,
    from: 0,
    everyMs: 60_000,
    mostLines: 2,
    onLine: (line) => seen.push(line),
    onSkipped: (lines) => seen.push(lines),
  });
  t.after(() => follower.stop());
  appendFileSync(file, `é1\né2\n${"é".repeat(40_000)}\n${"x€".repeat(40_000)}\né5`);
  follower.look();
  appendFileSync(file, "!\né6\né7\n");
  follower.look();
  follower.look();
  assert.deepEqual(seen, ["é1", "é2", 2, "é5!", "é6", 1]);
});
