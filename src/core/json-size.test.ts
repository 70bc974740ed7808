import assert from "node:assert/strict";
import { test } from "node:test";
import { hasMoreValues } from "./json-size.ts";

/** The smallest limit that a text does not exceed. */
function leastLimit(text: string): number {
  let limit = 0;
  while (hasMoreValues(text, limit)) limit++;
  return limit;
}

test("values and names count, the content of strings does not", () => {
  const padding = " ".repeat(1000);
  const counts = ["[1,2,3]", '{"a":1}', '{"a":[{},[]],"b":"x,y:[{"}', '["\\"",",\\\\",1]', `["${'\\"'.repeat(200)},,,",2]`].map((text) =>
    leastLimit(text + padding),
  );
  assert.deepEqual(counts, [4, 3, 9, 4, 3]);
});

test("a text that is too short to exceed the limit is not scanned, and the densest text is", () => {
  const densest = (elements: number): string => `[${"[],".repeat(elements)}[]]`;
  assert.equal(hasMoreValues("[".repeat(1000), 1000), false);
  assert.equal(hasMoreValues(densest(1000), 2002), true);
  assert.equal(hasMoreValues(densest(1000), 2003), false);
});

test("an unclosed string is left to the parser", () => {
  assert.equal(hasMoreValues(`["${"x".repeat(100)}`, 9), false);
});
