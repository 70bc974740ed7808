import { isAlone, isWordPart, isWordStart, type Detector, type TextMatch } from "./text-match.ts";

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
  // Most characters begin no word: they cost one look into this table.
  const begins = new Uint8Array(128);
  for (const code of root.next.keys()) if (code < 128) begins[code] = 1;
  return {
    find: (text, _candidates, from) => search({ root, begins }, text, from).found,
    openFrom(text, _candidates, from) {
      for (let node: Node | undefined = search({ root, begins }, text, from).last; node !== undefined && node.depth > 0; node = node.fail) {
        if (isWordStart(text, text.length - node.depth)) return text.length - node.depth;
      }
      return text.length;
    },
  };
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

function search(
  { root, begins }: { readonly root: Node; readonly begins: Uint8Array },
  text: string,
  from: number,
): { readonly found: TextMatch[]; readonly last: Node } {
  const found: TextMatch[] = [];
  const folded = fold(text);
  let node = root;
  for (let at = from; at < folded.length; at++) {
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
