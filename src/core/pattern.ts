import { createRequire } from "node:module";
import type * as re2js from "re2js";

/** A regular expression of the configuration. */
export interface Pattern {
  /**
   * The matches from left to right, each as [start, end] in UTF-16 units. Empty matches are skipped. The search for one match takes linear time.
   * @param from where the search begins; what lies before it is still seen by `^` and `\b`. 0 if omitted.
   */
  matches(text: string, from?: number): Generator<readonly [number, number]>;
  /** What it matches contains a certain text, which is searched for first: texts without it cost almost nothing. */
  readonly hasLiteral: boolean;
}

/** Some patterns that are searched for in one pass, however many they are. */
export interface PatternSet {
  /** The patterns that match the text, by their places in the list. */
  matching(text: string): readonly number[];
}

/** @throws PatternError */
export function compilePatternSet(patterns: readonly string[]): PatternSet {
  const { RE2Set } = createRequire(import.meta.url)("re2js") as typeof re2js;
  const set = new RE2Set();
  try {
    for (const pattern of patterns) set.add(pattern);
    set.compile();
  } catch (error) {
    throw new PatternError(describeFault((error as Error).message));
  }
  return { matching: (text) => set.match(text) };
}

/** A pattern that cannot be compiled. The message is the end of a sentence that begins with the pattern: `with a lookahead "(?="`. */
export class PatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PatternError";
  }
}

/**
 * Finding where the matches begin costs at most 30 ns for each character and each instruction of the pattern (measured). With this limit a text of
 * 256 KiB takes at most 2.4 s, even if it follows the pattern all the way. A usual pattern has 10 to 60 instructions.
 */
const maxInstructions = 300;

/**
 * Compiles a regular expression that a user wrote, in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax). No such pattern takes more than
 * linear time to search. All patterns of users are compiled here.
 * @param options `isOwn`: it was made of a pattern that has been compiled, and may be several times as long.
 * @throws PatternError
 */
export function compilePattern(text: string, { isOwn = false }: { readonly isOwn?: boolean } = {}): Pattern {
  // Loaded only if a pattern is configured, as loading takes 25 ms.
  const { RE2JS } = createRequire(import.meta.url)("re2js") as typeof re2js;
  let compiled: re2js.RE2JS;
  try {
    compiled = RE2JS.compile(text);
  } catch (error) {
    throw new PatternError(describeFault((error as Error).message));
  }
  const instructions = compiled.programSize();
  if (instructions > maxInstructions && !isOwn) {
    throw new PatternError(`of ${instructions} instructions (at most ${maxInstructions}; a repetition such as {1,500} counts 500 times)`);
  }
  return {
    hasLiteral: compiled.re2Input.prefilter !== null,
    *matches(text, from = 0) {
      // This test is several times as fast as the search for the positions, and most texts have no match.
      if (!compiled.test(text)) return;
      const matcher = compiled.matcher(text);
      for (let isFound = matcher.find(from); isFound; isFound = matcher.find()) {
        const [start, end] = [matcher.start(), matcher.end()];
        if (end > start) yield [start, end];
      }
    },
  };
}

/** Constructs of JavaScript's expressions that RE2 does not have, found by the part of the pattern at which the compiler stopped. */
const lacking: readonly (readonly [part: RegExp, name: string])[] = [
  [/^\(\?=/, 'a lookahead "(?="'],
  [/^\(\?!/, 'a negative lookahead "(?!"'],
  [/^\(\?<=/, 'a lookbehind "(?<="'],
  [/^\(\?<!/, 'a negative lookbehind "(?<!"'],
  [/^\(\?>/, 'an atomic group "(?>"'],
  [/^\\[1-9k]/, "a backreference"],
  [/^[*+?}]\+$/, "a possessive quantifier"],
  [/^\\u/, 'an escape "\\u" (write \\x{20AC} for \\u20AC)'],
  [/^\\c/, 'an escape "\\c" (write \\x01 for \\cA)'],
  [/^\\p\{\w+=/i, "a Unicode property with a name and a value (write \\p{Greek} for \\p{Script=Greek})"],
  [/^\{\d/, "a repetition of more than 1000"],
];

/** @param message of the compiler, as in ``error parsing regexp: invalid escape sequence: `\1` ``. */
function describeFault(message: string): string {
  const fault = message.replace(/^error parsing regexp: /, "");
  const [, part = ""] = /`(.*)`$/s.exec(fault) ?? [];
  const [, name] = lacking.find(([pattern]) => pattern.test(part)) ?? [];
  return name === undefined ? `that cannot be compiled (${fault.replaceAll("`", '"')})` : `with ${name}, which RE2 does not have`;
}
