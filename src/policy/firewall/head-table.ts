import { injectionForms } from "./injection-forms.ts";
import { keyForms } from "./key-forms.ts";

/** What begins with a head, as bits: a place may begin several. */
export const headBits = { key: 1, phrase: 2, word: 4 } as const;

/** Characters beyond ASCII count as one. */
const otherCode = 127;
const ofAscii = (code: number): number => (code < otherCode ? code : otherCode);

/**
 * What the first three characters of a word say of it: most words begin as no key, phrase or listed word does, and are passed over by one look. A text may end after
 * the second character (the third code is 0 then): it counts as any.
 */
export class HeadTable {
  /** By the codes of the first two characters: by the code of the third one, bits. */
  readonly #thirds: (Uint8Array | undefined)[] = Array.from({ length: 128 * 128 });

  /** @param words of lists, in lower case, each of at least two characters. */
  constructor(words: readonly string[] = []) {
    for (const { heads } of keyForms) for (const head of heads) this.#add(head, headBits.key, false);
    for (const { heads } of injectionForms) for (const head of heads) this.#add(head, headBits.phrase, true);
    for (const word of words) this.#add(word, headBits.word, true);
  }

  /** The bits of what a word may be that begins with these three characters, given by their codes. */
  bitsOf(first: number, second: number, third: number): number {
    const thirds = this.#thirds[(ofAscii(first) << 7) | ofAscii(second)];
    return thirds === undefined ? 0 : thirds[ofAscii(third)]!;
  }

  #add(head: string, bits: number, isAnyCase: boolean): void {
    const [first, second, third] = [0, 1, 2].map((at) => codesOf(head.charAt(at), isAnyCase)) as [number[], number[], number[]];
    for (const one of first) {
      for (const two of second) {
        const thirds = (this.#thirds[(one << 7) | two] ??= new Uint8Array(128));
        for (const three of third.length === 0 ? thirds.keys() : [0, ...third]) thirds[three]! |= bits;
      }
    }
  }
}

function codesOf(character: string, isAnyCase: boolean): number[] {
  if (character === "") return [];
  const all = isAnyCase ? [character.toLowerCase(), character.toUpperCase(), character] : [character];
  return [...new Set(all.map((each) => ofAscii(each.charCodeAt(0))))];
}

/** Of the detectors alone. */
export const detectorHeads = new HeadTable();
