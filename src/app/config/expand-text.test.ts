import assert from "node:assert/strict";
import { test } from "node:test";
import { expandText, hasReference } from "./expand-text.ts";

const env = { A: "one", EMPTY: "", NESTED: "${A}" };

const rows: readonly (readonly [string, object])[] = [
  ["plain $A {A} $ {", { value: "plain $A {A} $ {" }],
  ["${A}", { value: "one" }],
  ["x-${A}-${A}", { value: "x-one-one" }],
  ["${B:-two}", { value: "two" }],
  ["${EMPTY:-two}", { value: "two" }],
  ["${B:-}", { value: "" }],
  ["${B:-a:-b}", { value: "a:-b" }],
  ["${EMPTY}", { value: "" }],
  ["${NESTED}", { value: "${A}" }],
  ["$${A}", { value: "${A}" }],
  ["$${A} ${A}", { value: "${A} one" }],
  ["${B}", { unset: "B" }],
  ["${A}${B}${C}", { unset: "B" }],
  ["${A", { malformed: "${A" }],
  ["${}", { malformed: "${}" }],
  ["${A-x}", { malformed: "${A-x}" }],
  ["${1A}", { malformed: "${1A}" }],
];

for (const [text, expected] of rows) {
  test(`${text} expands to ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(expandText(text, env), expected);
  });
}

test("where a key is wanted, an empty variable is as good as none, unless a default says so", () => {
  assert.deepEqual(expandText("${EMPTY}", env, true), { unset: "EMPTY" });
  assert.deepEqual(expandText("${EMPTY:-}", env, true), { value: "" });
});

test("an escaped reference is not expanded", () => {
  assert.deepEqual(["${A}", "$${A}", "$${A}${B}", "a"].map(hasReference), [true, false, true, false]);
});
