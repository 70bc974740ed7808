import { injectionForms } from "./injection-forms.ts";
import { keyForms } from "./key-forms.ts";

/** By the codes of two characters: a key or phrase begins with them. */
const pairs = new Uint8Array(128 * 128);
for (const { heads } of keyForms) for (const head of heads) addPair(head[0]!, head[1]!);
for (const { heads } of injectionForms) {
  for (const [first, second] of heads.map((head) => [head[0]!, head[1]!] as const)) {
    for (const one of [first, first.toUpperCase()]) for (const two of [second, second.toUpperCase()]) addPair(one, two);
  }
}

function addPair(first: string, second: string): void {
  pairs[(first.charCodeAt(0) << 7) | second.charCodeAt(0)] = 1;
}

/** A key or phrase begins with these two characters, given by their codes. `NaN` (the text's end) is none. */
export function isHead(first: number, second: number): boolean {
  return second < 128 && pairs[(first << 7) | second] === 1;
}
