/** A place in a text, in UTF-16 units. */
export interface TextMatch {
  readonly start: number;
  readonly end: number;
}

/** Finds all places of one kind, from left to right, without overlaps, in time linear in the text's length. */
export type Finder = (text: string) => TextMatch[];

export const isDigit = (code: number): boolean => code >= 48 && code <= 57;

const isUpper = (code: number): boolean => code >= 65 && code <= 90;
const isLower = (code: number): boolean => code >= 97 && code <= 122;

/** A character that continues a word or number: letters, digits, `_`, and all letters beyond ASCII. */
export const isWordPart = (code: number): boolean =>
  isDigit(code) || isUpper(code) || isLower(code) || code === 95 || (code >= 0xc0 && code !== 0xd7 && code !== 0xf7 && code < 0x2000);

/** Neither before `start` nor after `end` does a word or number go on. */
export function isAlone(text: string, start: number, end: number): boolean {
  return !(start > 0 && isWordPart(text.charCodeAt(start - 1))) && !(end < text.length && isWordPart(text.charCodeAt(end)));
}

/** The matches of a pattern of ours that `accepts` takes. The pattern is global and takes linear time: its repetitions are bounded and begin with fixed characters. */
export function findAccepted(pattern: RegExp, accepts: (match: string, start: number, text: string) => boolean): Finder {
  return (text) => {
    const found: TextMatch[] = [];
    for (const { 0: match, index: start } of text.matchAll(pattern)) {
      if (accepts(match, start, text)) found.push({ start, end: start + match.length });
    }
    return found;
  };
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
