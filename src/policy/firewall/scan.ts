import { isHead } from "./head-pairs.ts";
import { isWordPart, type Candidates } from "./text-match.ts";

/** Kinds of characters. */
const other = 0;
const word = 1;
const digit = 2;
const at = 3;
const colon = 4;
/** `<` and `[`, which begin phrases. */
const mark = 5;

const kinds = new Uint8Array(128);
for (let code = 0; code < 128; code++) if (isWordPart(code)) kinds[code] = word;
for (let code = 48; code < 58; code++) kinds[code] = digit;
kinds[64] = at;
kinds[58] = colon;
kinds[60] = mark;
kinds[91] = mark;

const afterColon = new Uint8Array(128);
for (const character of "0123456789abcdefABCDEF:") afterColon[character.charCodeAt(0)] = 1;

/** Finds the places where detectors have to look. @param from the place of the first character that is looked at. */
export function scan(text: string, from = 0): Candidates {
  const numbers: number[] = [];
  const ats: number[] = [];
  const colons: number[] = [];
  const heads: number[] = [];
  const { length } = text;
  let before = from === 0 ? other : kindOf(text.charCodeAt(from - 1));
  for (let place = from; place < length; place++) {
    const code = text.charCodeAt(place);
    const kind = code < 128 ? kinds[code]! : kindOf(code);
    if (kind === word) {
      const start = place;
      // Most of a text is the rest of its words.
      while (place + 1 < length && kinds[text.charCodeAt(place + 1)] === word) place++;
      if (before !== word && before !== digit && start + 1 < length && isHead(code, text.charCodeAt(start + 1))) heads.push(start);
    } else if (kind === digit) {
      const start = place;
      while (place + 1 < length && kinds[text.charCodeAt(place + 1)] === digit) place++;
      if (before !== digit) numbers.push(start, place + 1);
    } else if (kind === mark) {
      if (isHead(code, text.charCodeAt(place + 1))) heads.push(place);
    } else if (kind === colon) {
      if (afterColon[text.charCodeAt(place + 1)] === 1) colons.push(place);
    } else if (kind === at) {
      ats.push(place);
    }
    before = kind;
  }
  return { numbers, ats, colons, heads };
}

function kindOf(code: number): number {
  if (code < 128) return kinds[code]!;
  return isWordPart(code) ? word : other;
}
