import { compilePattern } from "../../core/index.ts";
import { partialPattern } from "./partial-pattern.ts";
import type { Detector, TextMatch } from "./text-match.ts";

/** A pattern may be without a bound: a longer match is not waited for in a stream. */
const maxOpen = 4096;

/** A regular expression of the configuration. @throws PatternError */
export function detectPattern(pattern: string): Detector {
  const whole = compilePattern(pattern);
  // Each atom of the pattern is written twice in it.
  const partial = compilePattern(partialPattern(pattern, "\\z"), { isOwn: true });
  return {
    find(text, _candidates, from) {
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
