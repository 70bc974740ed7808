import { createRequire } from "node:module";
import type * as re2js from "re2js";

/** A regular expression of the configuration. */
export interface Pattern {
  /** The matches from left to right, each as [start, end] in UTF-16 units. Empty matches are skipped. The search for one match takes linear time. */
  matches(text: string): Generator<readonly [number, number]>;
}

/** A pattern that cannot be compiled. The message continues the pattern: `with a lookahead "(?="`. */
export class PatternError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PatternError";
  }
}

/**
 * Where the matches begin is found at a cost of at most 30 ns for each character and each instruction of the pattern (measured): with this limit
 * 256 KiB take at most 2.4 s, where the text follows the pattern all the way. A usual pattern has 10 to 60 instructions.
 */
const maxInstructions = 300;

/**
 * Compiles a regular expression that a user wrote, in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax): there is no pattern whose search takes
 * more than linear time. All patterns of users are compiled here.
 * @throws PatternError
 */
export function compilePattern(text: string): Pattern {
  // Loaded only where a pattern is configured, as it takes 25 ms of a start.
  const { RE2JS } = createRequire(import.meta.url)("re2js") as typeof re2js;
  let compiled: re2js.RE2JS;
  try {
    compiled = RE2JS.compile(text);
  } catch (error) {
    throw new PatternError(describeFault((error as Error).message));
  }
  const instructions = compiled.programSize();
  if (instructions > maxInstructions) {
    throw new PatternError(`of ${instructions} instructions (at most ${maxInstructions}; a repetition such as {1,500} counts 500 times)`);
  }
  return {
    *matches(text) {
      // This test is several times faster than the search for the places, and most texts have no match.
      if (!compiled.test(text)) return;
      const matcher = compiled.matcher(text);
      while (matcher.find()) {
        const [start, end] = [matcher.start(), matcher.end()];
        if (end > start) yield [start, end];
      }
    },
  };
}

/** What JavaScript's expressions have and RE2's lack: by the part of the pattern at which the compiler stopped. */
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

/** @param message of the compiler: ``error parsing regexp: invalid escape sequence: `\1` ``. */
function describeFault(message: string): string {
  const fault = message.replace(/^error parsing regexp: /, "");
  const [, part = ""] = /`(.*)`$/s.exec(fault) ?? [];
  const [, name] = lacking.find(([pattern]) => pattern.test(part)) ?? [];
  return name === undefined ? `that cannot be compiled (${fault.replaceAll("`", '"')})` : `with ${name}, which RE2 does not have`;
}
