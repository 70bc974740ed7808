import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTags, readTags, writeTags } from "./tags.ts";

test("a list of tags is trimmed, each once, in its order", () => {
  assert.deepEqual(parseTags(" team:search,release/2026-01 ,, a_b.c@d-e,team:search,\t7"), {
    tags: ["team:search", "release/2026-01", "a_b.c@d-e", "7"],
  });
  assert.deepEqual(parseTags(" , "), { tags: [] });
  assert.deepEqual(parseTags(`${"x".repeat(64)},1,2,3,4,5,6,7,7`), { tags: ["x".repeat(64), "1", "2", "3", "4", "5", "6", "7"] });
});

test("an invalid list of tags is refused with the reason", () => {
  const characters = { problem: "a tag is made of ASCII letters, digits and . _ : / @ -, and begins with a letter or a digit" };
  for (const list of ["=1+1", "-x", "@x", "a b", "ok,a\tb", "é", "a;b", '"a"']) assert.deepEqual(parseTags(list), characters, list);
  assert.deepEqual(parseTags("1,2,3,4,5,6,7,8,9"), { problem: "a request has at most 8 tags" });
  assert.deepEqual(parseTags("x".repeat(65)), { problem: "a tag has at most 64 characters" });
});

test("an entry's tags are read as they were written", () => {
  assert.deepEqual([writeTags([]), readTags(null), readTags(writeTags(["a", "b:c"])!)], [undefined, [], ["a", "b:c"]]);
});
