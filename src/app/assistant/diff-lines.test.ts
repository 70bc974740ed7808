import assert from "node:assert/strict";
import { test } from "node:test";
import { diffLines } from "./diff-lines.ts";

test("a diff shows changed lines with two around them, and what is left out between", () => {
  const before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
  assert.deepEqual(diffLines(before, before.replace("c\n", "C\n").replace("i\n", "i\nnew\n")), [
    "  a",
    "  b",
    "- c",
    "+ C",
    "  d",
    "  e",
    "  …",
    "  h",
    "  i",
    "+ new",
    "  j",
  ]);
  assert.deepEqual(diffLines("", "a\n"), ["+ a"]);
  assert.deepEqual(diffLines("a\n", ""), ["- a"]);
  assert.deepEqual(diffLines("a\n", "a\n"), []);
});
