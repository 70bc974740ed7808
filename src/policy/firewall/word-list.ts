import { isAlone, isDigit, isWordPart, isWordStart, type Candidates, type Detector, type TextMatch } from "./text-match.ts";

interface Node {
  readonly next: Map<number, Node>;
  fail: Node | undefined;
  /** The length of the longest word that ends here. */
  length: number;
  /** The characters from the root to here. */
  readonly depth: number;
}

const createNode = (depth: number): Node => ({ next: new Map(), fail: undefined, length: 0, depth });

/**
 * Finds words of a list as whole words, in any case, by the automaton of Aho and Corasick (1975): one step for each character of the text, however many
 * words there are. Of words that begin at one place, the longest is found.
 */
export function detectWords(words: readonly string[]): Detector {
  const root = createNode(0);
  for (const word of words) insert(root, fold(word));
  const queue = [...root.next.values()];
  for (const node of queue) node.fail = root;
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at]!;
    for (const [code, child] of node.next) {
      child.fail = step(node.fail!, code);
      child.length ||= child.fail.length;
      queue.push(child);
    }
  }
  // Most characters begin no word: they cost one look into this table. Where all words begin with a letter, only the places that a scan has found are looked at.
  const begins = new Uint8Array(128);
  for (const code of root.next.keys()) if (code < 128) begins[code] = 1;
  const byHeads = words.every(hasHead);
  const searchIn = (text: string, candidates: Candidates, from: number): ReturnType<typeof search> =>
    search({ root, begins, heads: byHeads ? candidates.words : undefined }, text, from);
  return {
    find: (text, candidates, from) => searchIn(text, candidates, from).found,
    openFrom(text, candidates, from) {
      if (byHeads) {
        // Of the last character alone, nobody knows yet whether it begins a word.
        const last = text.length - 1;
        if (last >= from && isWordStart(text, last) && root.next.has(fold(text[last]!).charCodeAt(0)))
          return Math.min(last, openIn(text, candidates, from));
      }
      return openIn(text, candidates, from);
    },
  };
  function openIn(text: string, candidates: Candidates, from: number): number {
    for (let node: Node | undefined = searchIn(text, candidates, from).last; node !== undefined && node.depth > 0; node = node.fail) {
      if (isWordStart(text, text.length - node.depth)) return text.length - node.depth;
    }
    return text.length;
  }
}

/** Its beginning is a candidate that a scan finds: two characters, the first of which continues words, and is no digit. */
function hasHead(word: string): boolean {
  const code = fold(word).charCodeAt(0);
  return word.length > 1 && isWordPart(code) && !isDigit(code);
}

/** What a scan must know of these words; nothing if their places are not found by a scan. */
export function headsOf(words: readonly string[]): readonly string[] {
  return words.every(hasHead) ? words.map(fold) : [];
}

/** In lower case, character by character, unless that changes the length: `İ` has two characters in lower case. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  const whole =
    lower.length === text.length ? lower : text.replaceAll(/[^]/g, (each) => (each.toLowerCase().length === 1 ? each.toLowerCase() : each));
  // The lower case of `Σ` depends on what follows it.
  return whole.includes("ς") ? whole.replaceAll("ς", "σ") : whole;
}

function insert(root: Node, word: string): void {
  if (word === "") return;
  let node = root;
  for (let at = 0; at < word.length; at++) {
    const code = word.charCodeAt(at);
    let child = node.next.get(code);
    if (child === undefined) node.next.set(code, (child = createNode(at + 1)));
    node = child;
  }
  node.length = word.length;
}

/** The longest suffix of what was read and `code` that begins a word. */
function step(from: Node, code: number): Node {
  let node: Node | undefined = from;
  while (node !== undefined) {
    const child = node.next.get(code);
    if (child !== undefined) return child;
    if (node.fail === undefined) return node;
    node = node.fail;
  }
  return from;
}

interface SearchOptions {
  readonly root: Node;
  readonly begins: Uint8Array;
  /** Only here a word may begin; `undefined`: anywhere. */
  readonly heads: readonly number[] | undefined;
}

function search({ root, begins, heads }: SearchOptions, text: string, from: number): { readonly found: TextMatch[]; readonly last: Node } {
  const found: TextMatch[] = [];
  if (heads?.length === 0) return { found, last: root };
  const folded = fold(text);
  let node = root;
  let next = 0;
  for (let at = from; at < folded.length; at++) {
    if (node === root && heads !== undefined) {
      while (next < heads.length && heads[next]! < at) next++;
      if (next === heads.length) break;
      at = heads[next]!;
    }
    const code = folded.charCodeAt(at);
    if (node === root && code < 128 && begins[code] === 0) continue;
    node = step(node, code);
    if (node.length === 0) continue;
    const end = at + 1;
    if (end < text.length && isWordPart(text.charCodeAt(end))) continue;
    for (let each: Node | undefined = node; each !== undefined && each.length > 0; each = each.fail) {
      const start = end - each.length;
      if (!isAlone(text, start, end)) continue;
      keepLongest(found, { start, end });
      break;
    }
  }
  return { found, last: node };
}

function keepLongest(found: TextMatch[], match: TextMatch): void {
  while (found.length > 0 && found.at(-1)!.start >= match.start) found.pop();
  if (found.length === 0 || found.at(-1)!.end <= match.start) found.push(match);
}
