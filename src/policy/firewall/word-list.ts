import { isAlone, isWordPart, type Finder, type TextMatch } from "./text-match.ts";

interface Node {
  readonly next: Map<number, Node>;
  fail: Node | undefined;
  /** The length of the longest word that ends here. */
  length: number;
}

const createNode = (): Node => ({ next: new Map(), fail: undefined, length: 0 });

/**
 * Finds words of a list as whole words, in any case, by the automaton of Aho and Corasick (1975): one step for each character of the text, however many
 * words there are. Of words that begin at one place, the longest is found.
 */
export function findWords(words: readonly string[]): Finder {
  const root = createNode();
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
  return (text) => find(root, text, fold(text));
}

/** In lower case, unless that changes the length: `İ` has two characters in lower case. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function insert(root: Node, word: string): void {
  if (word === "") return;
  let node = root;
  for (let at = 0; at < word.length; at++) {
    const code = word.charCodeAt(at);
    let child = node.next.get(code);
    if (child === undefined) node.next.set(code, (child = createNode()));
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

function find(root: Node, text: string, folded: string): TextMatch[] {
  const found: TextMatch[] = [];
  let node = root;
  for (let at = 0; at < folded.length; at++) {
    node = step(node, folded.charCodeAt(at));
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
  return found;
}

function keepLongest(found: TextMatch[], match: TextMatch): void {
  while (found.length > 0 && found.at(-1)!.start >= match.start) found.pop();
  if (found.length === 0 || found.at(-1)!.end <= match.start) found.push(match);
}
