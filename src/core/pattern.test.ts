import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern, compilePatternSet, PatternError } from "./pattern.ts";

function find(pattern: string, text: string): string[] {
  return [...compilePattern(pattern).matches(text)].map(([start, end]) => text.slice(start, end));
}

test("all matches are found from left to right, also after characters of two UTF-16 units", () => {
  assert.deepEqual(find("\\b\\d{4}-\\d{4}\\b", "😀 1234-5678, 11234-5678 ü 0000-0000"), ["1234-5678", "0000-0000"]);
  assert.deepEqual(find("(?i)card \\d+|\\p{Greek}+", "Card 12 αβγ card x"), ["Card 12", "αβγ"]);
  assert.deepEqual(find("a+", "bcd"), []);
});

test("an empty match is skipped", () => {
  assert.deepEqual(find("x*", "axxb"), ["xx"]);
});

const refused: readonly (readonly [pattern: string, message: string])[] = [
  ["(?=a)b", 'with a lookahead "(?=", which RE2 does not have'],
  ["b(?!a)", 'with a negative lookahead "(?!", which RE2 does not have'],
  ["(?<=a)b", 'with a lookbehind "(?<=", which RE2 does not have'],
  ["x(?<!a)b", 'with a negative lookbehind "(?<!", which RE2 does not have'],
  ["(?>a)", 'with an atomic group "(?>", which RE2 does not have'],
  ["(a)\\1", "with a backreference, which RE2 does not have"],
  ["(?<n>a)\\k<n>", "with a backreference, which RE2 does not have"],
  ["a++", "with a possessive quantifier, which RE2 does not have"],
  ["\\u20AC", 'with an escape "\\u" (write \\x{20AC} for \\u20AC), which RE2 does not have'],
  ["\\cA", 'with an escape "\\c" (write \\x01 for \\cA), which RE2 does not have'],
  [
    "\\p{Script=Greek}",
    "with a Unicode property with a name and a value (write \\p{Greek} for \\p{Script=Greek}), which RE2 does not have",
  ],
  ["a{1001}", "with a repetition of more than 1000, which RE2 does not have"],
  ["a(b", 'that cannot be compiled (missing closing ): "a(b")'],
  ["*a", 'that cannot be compiled (missing argument to repetition operator: "*")'],
  ["\\w{1,500}x", "of 1002 instructions (at most 300; a repetition such as {1,500} counts 500 times)"],
];

for (const [pattern, message] of refused) {
  test(`${pattern} is refused with the name of the unsupported construct`, () => {
    assert.throws(() => compilePattern(pattern), new PatternError(message));
  });
}

test("a pattern that makes other engines backtrack exponentially is searched in linear time", () => {
  const started = process.cpuUsage().user;
  assert.deepEqual(find("(a+)+$", `${"a".repeat(100_000)}b`), []);
  assert.deepEqual(find("(x+x+)+y", "x".repeat(100_000)), []);
  assert.ok(process.cpuUsage().user - started < 2_000_000);
});

test("a set says which of its patterns match, and a pattern whether it has a text that all of its matches contain", () => {
  const patterns = ["(?i)case \\d+", String.raw`\d{3}-\d{3}`, "(?i)x{3,5}$"];
  const set = compilePatternSet(patterns);
  assert.deepEqual(
    ["Case 7", "no match", "123-456 CASE 1", "xXx", "case 1 123-456 xxx"].map((text) =>
      [...set.matching(text)].toSorted((one, other) => one - other),
    ),
    [[0], [], [0, 1], [2], [0, 1, 2]],
  );
  assert.deepEqual(
    ["AUR-[0-9]+", "(?i)aurora", "[a-z]+@corp", "[0-9]+"].map((pattern) => compilePattern(pattern).hasLiteral),
    [true, false, true, false],
  );
  assert.throws(() => compilePatternSet(["a", "(?=b)"]), PatternError);
});
