import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { scan } from "./scan.ts";
import { detectPattern, guessPatterns } from "./user-pattern.ts";

const patterns = [
  String.raw`(?i)case \d+`,
  String.raw`\d{3}\W\d{3}`,
  String.raw`AUR-\d+`,
  String.raw`(?i)\bprj[a-z]{3}\b`,
  String.raw`[a-f]+\d$`,
  String.raw`^\W`,
];

test("patterns that are searched for together find what each finds alone", () => {
  const mayMatch = guessPatterns(patterns);
  const part = fc.constantFrom(..."case |CASE 1|12|123-456|AUR-|PRJabc|abc1|\n|é|😀|-| ".split("|"));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      for (const pattern of patterns) {
        const alone = detectPattern(pattern).find(text, scan(text), 0);
        assert.deepEqual(detectPattern(pattern, mayMatch).find(text, scan(text), 0), alone, `${pattern}: ${text}`);
      }
    }),
    { numRuns: 200 },
  );
});

test("a text without a match is ruled out for each pattern that has no text of its own", () => {
  const mayMatch = guessPatterns(patterns);
  assert.deepEqual(
    patterns.map((pattern) => mayMatch(pattern, "nothing here")),
    [false, false, true, false, false, false],
  );
  assert.equal(guessPatterns(["(?i)one"])("(?i)one", "nothing here"), true, "one pattern is searched for by itself");
});
