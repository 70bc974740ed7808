import { characterSet, digitCharacters, isUpper, startOfRun, upperCharacters, type Detector, type TextMatch } from "./text-match.ts";

/** The longest number that a detector knows is an international phone number with all of its separators; two more characters decide whether it goes on. */
const maxNumber = 56;
const inNumbers = characterSet(`${digitCharacters}${upperCharacters} -.()+/`);
const beginsNumbers = characterSet(`${digitCharacters}${upperCharacters}(+`);

/** Of letters, no number has a single one at its beginning, unless a digit or `-` follows. */
function mayBegin(text: string, at: number): boolean {
  return beginsNumbers[text.charCodeAt(at)] === 1 && !(isUpper(text.charCodeAt(at)) && text[at + 1] === " ");
}

/** A number, account or id around one run of digits. `end` is behind the run. `undefined`: it is none. */
export type NumberReader = (text: string, start: number, end: number) => TextMatch | undefined;

/**
 * Finds what is written around runs of digits, with letters in upper case and single separators.
 * @param after a character right behind a number that may belong to it or not: the next one decides.
 */
export function detectByNumber(read: NumberReader, after = ""): Detector {
  return {
    find(text, { numbers }, from) {
      const found: TextMatch[] = [];
      let free = from;
      for (let at = 0; at < numbers.length; at += 2) {
        const match = read(text, numbers[at]!, numbers[at + 1]!);
        if (match === undefined || match.start < free) continue;
        found.push(match);
        free = match.end;
      }
      return found;
    },
    openFrom(text, _candidates, from) {
      const end = after !== "" && text.endsWith(after) ? text.length - after.length : text.length;
      let start = startOfRun(text, inNumbers, Math.max(from, text.length - maxNumber), end);
      while (start < text.length && !mayBegin(text, start)) start++;
      return start;
    },
  };
}
