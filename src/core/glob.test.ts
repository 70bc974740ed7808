import assert from "node:assert/strict";
import { test } from "node:test";
import { compileGlob, GlobList } from "./glob.ts";

const rows: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
  ["gpt-*", ["gpt-4o", "gpt-", "gpt-4/turbo"], ["gpt", "Gpt-4o", "xgpt-4"]],
  ["o[0-9]*", ["o1", "o3-mini", "o4-mini-2025"], ["o", "omni", "ox1"]],
  ["*", ["", "anything/at all"], []],
  ["claude-?-opus", ["claude-4-opus"], ["claude--opus", "claude-45-opus"]],
  ["*-latest", ["a-latest", "-latest", "x-latest-latest"], ["latest", "a-latest-b"]],
  ["a*b*c", ["abc", "aXbYbZc", "abbc"], ["ab", "acb", "abcd"]],
  ["[!a-z]x", ["1x", "-x"], ["ax", "x"]],
  ["v[0-9a-]", ["v1", "va", "v-"], ["vb", "v"]],
  ["a[b", ["a[b"], ["ab"]],
  ["a.c", ["a.c"], ["abc"]],
  ["", [""], ["a"]],
];

for (const [pattern, matching, others] of rows) {
  test(`glob ${JSON.stringify(pattern)} matches the names of its row and no others`, () => {
    const glob = compileGlob(pattern);
    for (const name of matching) assert.equal(glob.matches(name), true, name);
    for (const name of others) assert.equal(glob.matches(name), false, name);
  });
}

test("a hostile pattern on a long name takes time proportional to pattern × name", () => {
  const glob = compileGlob("*a*a*a*a*a*a*a*a*a*a*b");
  const name = "a".repeat(20_000);
  const started = performance.now();
  assert.equal(glob.matches(name), false);
  assert.ok(performance.now() - started < 500);
});

test("a list excludes with a leading exclamation mark and names the pattern that matched", () => {
  const list = new GlobList(["gpt-*", "!gpt-oss*", "o[0-9]*"]);
  assert.deepEqual(
    ["gpt-4o", "gpt-oss-20b", "o3", "claude"].map((name) => list.match(name)),
    ["gpt-*", undefined, "o[0-9]*", undefined],
  );
});

test("a list of exclusions alone matches nothing", () => {
  assert.equal(new GlobList(["!a*"]).match("b"), undefined);
});
