import { compilePattern, compilePatternSet } from "../../core/index.ts";
import { partialPattern } from "./partial-pattern.ts";
import type { Detector, TextMatch } from "./text-match.ts";

/** A pattern may be without a bound: a longer match is not waited for in a stream. */
const maxOpen = 4096;

/** Says whether a pattern of the configuration can match a text. */
export type PatternGuess = (pattern: string, text: string) => boolean;

/**
 * Patterns whose matches have no text in common cost a whole pass each: they are searched for together, once for each text. @throws PatternError
 */
export function guessPatterns(patterns: readonly string[]): PatternGuess {
  const slow = [...new Set(patterns)].filter((pattern) => !compilePattern(pattern).hasLiteral);
  if (slow.length < 2) return () => true;
  const set = compilePatternSet(slow);
  const places = new Map(slow.map((pattern, at) => [pattern, at]));
  let known = "";
  let matching: readonly number[] = [];
  return (pattern, text) => {
    const at = places.get(pattern);
    if (at === undefined) return true;
    if (text !== known) {
      matching = set.matching(text);
      known = text;
    }
    return text === "" || matching.includes(at);
  };
}

/** A regular expression of the configuration. @throws PatternError */
export function detectPattern(pattern: string, mayMatch: PatternGuess = () => true): Detector {
  const whole = compilePattern(pattern);
  // Each atom of the pattern is written twice in it.
  const partial = compilePattern(partialPattern(pattern, "\\z"), { isOwn: true });
  return {
    find(text, _candidates, from) {
      if (!mayMatch(pattern, text)) return [];
      const found: TextMatch[] = [];
      for (const [start, end] of whole.matches(text, from)) found.push({ start, end });
      return found;
    },
    openFrom(text, _candidates, from) {
      const [first] = partial.matches(text, Math.max(from, text.length - maxOpen));
      return first?.[0] ?? text.length;
    },
  };
}
