import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern } from "../../core/index.ts";
import { partialPattern } from "./partial-pattern.ts";

/** Patterns in RE2's syntax, with a text that each matches as a whole. */
const patterns: readonly (readonly [pattern: string, whole: string])[] = [
  [String.raw`AUR-\d{2,}`, "AUR-123"],
  [String.raw`(?i)case \w+ [[:digit:]]{1,3}\b`, "Case Smith 12"],
  [String.raw`\Qa.b\E(?:c|dd)+?e`, "a.bcdde"],
  [String.raw`(?P<name>[^];x-z ]*)=\x{20AC}\pL\p{Greek}`, "abc=€éσ"],
  [String.raw`[\]a-c{]{2}\x41\.x?y*`, "]{A.xyy"],
  [String.raw`😀{2}|b`, "😀😀"],
];

for (const [pattern, whole] of patterns) {
  test(`each beginning of a match, cut off by the end of the text, is found, and nothing else: ${pattern}`, () => {
    const partial = compilePattern(partialPattern(pattern, "\\z"), { isOwn: true });
    const found = (text: string): unknown => [...partial.matches(text)][0];
    let length = 0;
    for (const character of whole) {
      length += character.length;
      assert.deepEqual(found(`; ${whole.slice(0, length)}`), [2, 2 + length], whole.slice(0, length));
    }
    assert.equal(found(`${whole} ;`), undefined);
    assert.equal(found(`${Array.from(whole)[0]};`), undefined);
  });
}
