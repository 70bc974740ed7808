import { detectorHeads, headBits, type HeadTable } from "./head-table.ts";
import { isWordPart, type Candidates } from "./text-match.ts";

/** Kinds of characters. */
const other = 0;
const word = 1;
const digit = 2;
const at = 3;
const colon = 4;
/** `<` and `[`, which begin phrases. */
const mark = 5;

const kinds = new Uint8Array(65_536);
for (let code = 0; code < kinds.length; code++) if (isWordPart(code)) kinds[code] = word;
for (let code = 48; code < 58; code++) kinds[code] = digit;
kinds[64] = at;
kinds[58] = colon;
kinds[60] = mark;
kinds[91] = mark;

const afterColon = new Uint8Array(65_536);
for (const character of "0123456789abcdefABCDEF:") afterColon[character.charCodeAt(0)] = 1;

/**
 * Finds the places where detectors have to look.
 * @param from the place of the first character that is looked at. @param table of the heads that are looked for.
 */
export function scan(text: string, from = 0, table: HeadTable = detectorHeads): Candidates {
  const [numbers, ats, colons, keys, phrases, words] = [[], [], [], [], [], []] as number[][] as [
    number[],
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  // One character before, and two zeros behind.
  const first = Math.max(0, from - 1);
  const codes = codesOf(first === 0 ? text : text.slice(first));
  const length = text.length - first;
  let before = from === 0 ? other : kinds[codes[0]!]!;
  for (let place = from - first; place < length; place++) {
    const code = codes[place]!;
    const kind = kinds[code]!;
    if (kind === word) {
      const start = place;
      // Most of a text is the rest of its words.
      while (kinds[codes[place + 1]!] === word) place++;
      if (before !== word && before !== digit) {
        const bits = start + 1 < length ? table.bitsOf(code, codes[start + 1]!, codes[start + 2]!) : 0;
        if (bits !== 0) {
          if ((bits & headBits.key) !== 0) keys.push(start + first);
          if ((bits & headBits.phrase) !== 0) phrases.push(start + first);
          if ((bits & headBits.word) !== 0) words.push(start + first);
        }
      }
    } else if (kind === digit) {
      const start = place;
      while (kinds[codes[place + 1]!] === digit) place++;
      if (before !== digit) numbers.push(start + first, place + 1 + first);
    } else if (kind === mark) {
      if (place + 1 < length && (table.bitsOf(code, codes[place + 1]!, codes[place + 2]!) & headBits.phrase) !== 0)
        phrases.push(place + first);
    } else if (kind === colon) {
      if (afterColon[codes[place + 1]!] === 1) colons.push(place + first);
    } else if (kind === at) {
      ats.push(place + first);
    }
    before = kind;
  }
  return { numbers, ats, colons, keys, phrases, words };
}

/** The UTF-16 units of a text, and two zeros: reading an array costs less than half of reading a string. */
function codesOf(text: string): Uint16Array {
  const bytes = Buffer.allocUnsafe(2 * text.length + 4);
  bytes.write(text, 0, "utf16le");
  const codes = new Uint16Array(bytes.buffer, bytes.byteOffset, text.length + 2);
  codes[text.length] = 0;
  codes[text.length + 1] = 0;
  return codes;
}
