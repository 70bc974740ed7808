/** A place in a text, in UTF-16 units. */
export interface TextMatch {
  readonly start: number;
  readonly end: number;
}

/**
 * The places in a text where detectors have to look, found in one pass for all of them: a text without digits, `@`, `:` and beginnings of keys costs this pass
 * alone.
 */
export interface Candidates {
  /** Runs of digits: start, end, start, end, … */
  readonly numbers: readonly number[];
  /** Each `@`. */
  readonly ats: readonly number[];
  /** Each `:` before a hexadecimal digit or another `:`. */
  readonly colons: readonly number[];
  /** Where a word begins with the first characters of a key. */
  readonly keys: readonly number[];
  /** The same for phrases of injections. */
  readonly phrases: readonly number[];
  /** The same for words of lists. */
  readonly words: readonly number[];
}

/**
 * Finds all places of one kind. Whether there is a match at a place depends only on the text around it, so a text that is cut where `openFrom` allows gives
 * the matches of the whole. Both take time linear in the text's length.
 */
export interface Detector {
  /** The matches that begin at `from` or later, from left to right, without overlaps. */
  find(text: string, candidates: Candidates, from: number): TextMatch[];
  /** The first place at `from` or later where a match may begin that more text would complete, lengthen or prevent; the text's length if there is none. */
  openFrom(text: string, candidates: Candidates, from: number): number;
}

export const isDigit = (code: number): boolean => code >= 48 && code <= 57;

export const isUpper = (code: number): boolean => code >= 65 && code <= 90;
const isLower = (code: number): boolean => code >= 97 && code <= 122;

/** A character that continues a word or number: letters, digits, `_`, and all letters beyond ASCII. */
export const isWordPart = (code: number): boolean =>
  isDigit(code) || isUpper(code) || isLower(code) || code === 95 || (code >= 0xc0 && code !== 0xd7 && code !== 0xf7 && code < 0x2000);

/** Neither before `start` nor after `end` does a word or number go on. */
export function isAlone(text: string, start: number, end: number): boolean {
  return isWordStart(text, start) && !(end < text.length && isWordPart(text.charCodeAt(end)));
}

/** No word or number goes on at `start`. */
export function isWordStart(text: string, start: number): boolean {
  return start === 0 || !isWordPart(text.charCodeAt(start - 1));
}

/** Four digits. */
export function hasFourDigits(text: string, at: number): boolean {
  for (let place = at; place < at + 4; place++) if (!isDigit(text.charCodeAt(place))) return false;
  return true;
}

/** A number in groups of four goes on before `start` or behind `end`: what is between them is no number of its own. */
export function isInLongerGroups(text: string, start: number, end: number): boolean {
  const [before, next] = [text[start - 1], text[end]];
  return (
    ((before === " " || before === "-") && hasFourDigits(text, start - 5)) ||
    ((next === " " || next === "-") && hasFourDigits(text, end + 1))
  );
}

/** What a sticky pattern matches at a place; `undefined`: nothing. */
export function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** A table of ASCII characters, for sets that are asked for each character. */
export function characterSet(characters: string): Uint8Array {
  const set = new Uint8Array(128);
  for (let at = 0; at < characters.length; at++) set[characters.charCodeAt(at)] = 1;
  return set;
}

export const digitCharacters = "0123456789";
export const upperCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** Where the run of characters of a set begins that ends at `end`, at `least` or later. */
export function startOfRun(text: string, set: Uint8Array, least: number, end = text.length): number {
  let at = end;
  while (at > least && set[text.charCodeAt(at - 1)] === 1) at--;
  return at;
}

/** The digits of a text as numbers. */
export function digitsOf(text: string): number[] {
  const digits: number[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isDigit(code)) digits.push(code - 48);
  }
  return digits;
}

/** Both lists in one, from left to right; of the second, what overlaps none of the first. Both are in order, without overlaps of their own. */
export function merged<T extends TextMatch>(first: readonly T[], second: readonly T[]): T[] {
  const all: T[] = [];
  let at = 0;
  for (const match of second) {
    while (at < first.length && first[at]!.end <= match.start) all.push(first[at++]!);
    if (at === first.length || first[at]!.start >= match.end) all.push(match);
  }
  for (; at < first.length; at++) all.push(first[at]!);
  return all;
}
