import type { NamedDetector, NamedMatch } from "./detectors.ts";
import type { HeadTable } from "./head-table.ts";
import { scan } from "./scan.ts";
import { merged, type Candidates } from "./text-match.ts";

/** More of a text that has passed is not looked at again: an address has 64 characters before its `@`. */
const context = 128;

/** What a rule finds with. */
export interface FilterRule {
  readonly isMasked: boolean;
  readonly isBlocked: boolean;
  readonly detectors: readonly NamedDetector[];
}

export interface FilterOptions {
  /** What begins as a word of the rules' lists does. */
  readonly heads: HeadTable;
  readonly rules: readonly FilterRule[];
  /** Takes each match of the rule at this index, once. */
  readonly found: (rule: number, kind: string, original: string) => void;
  /** A placeholder for what is masked. */
  readonly cover: (original: string, kind: string) => string;
}

/** What may pass of a text. */
export interface Passed {
  readonly text: string;
  /** A rule blocks what comes next: nothing more may pass. */
  readonly isBlocked: boolean;
}

/**
 * One text that arrives in pieces, cut anywhere. What passes is what would pass of the whole: only the beginning of a match, or a match that may become longer, waits
 * for more of the text.
 */
export class TextFilter {
  readonly #options: FilterOptions;
  /** The end of what has passed, and what waits. */
  #text = "";
  /** How each character was written, if that is not the character itself. */
  #written: string[] | undefined;
  #passed = 0;

  constructor(options: FilterOptions) {
    this.#options = options;
  }

  /** @param written how each character of the piece is written in what passes; as itself if omitted. One text is always given in one of the two ways. */
  push(piece: string, written?: readonly string[]): Passed {
    this.#text += piece;
    if (written !== undefined) (this.#written ??= []).push(...written);
    return this.#pass(false);
  }

  /** The text is over. */
  end(): Passed {
    return this.#pass(true);
  }

  #pass(isEnd: boolean): Passed {
    const text = this.#text;
    const from = this.#passed;
    if (from === text.length) return { text: "", isBlocked: false };
    const candidates = scan(text, from, this.#options.heads);
    const all = this.#findEach(text, candidates, from);
    const cut = isEnd ? text.length : this.#cutAt(text, candidates, all);
    const passed = this.#change(all, cut);
    this.#passed = cut;
    if (cut > context) {
      this.#text = text.slice(cut - context);
      this.#written?.splice(0, cut - context);
      this.#passed = context;
    }
    return passed;
  }

  /** The matches of each rule's detectors, one list each. */
  #findEach(text: string, candidates: Candidates, from: number): readonly (readonly NamedMatch[])[][] {
    return this.#options.rules.map(({ detectors }) =>
      detectors.map(({ kind, detector }) => detector.find(text, candidates, from).map(({ start, end }) => ({ start, end, kind }))),
    );
  }

  /** What is before it does not depend on what follows, and no match crosses it. */
  #cutAt(text: string, candidates: Candidates, all: readonly (readonly NamedMatch[])[][]): number {
    let cut = text.length;
    for (const { detectors } of this.#options.rules) {
      for (const { detector } of detectors) cut = Math.min(cut, detector.openFrom(text, candidates, this.#passed));
    }
    const matches = all.flat(2);
    for (let isStill = false; !isStill;) {
      isStill = true;
      for (const { start, end } of matches) {
        if (start >= cut || end <= cut) continue;
        cut = start;
        isStill = false;
      }
    }
    return cut;
  }

  /** Passes the text up to `cut` on, with placeholders; or up to the first place that a rule blocks. */
  #change(all: readonly (readonly NamedMatch[])[][], cut: number): Passed {
    const { rules, found, cover } = this.#options;
    let places: readonly NamedMatch[] = [];
    let blockedAt = cut;
    let isBlocked = false;
    for (const [at, { isMasked, isBlocked: blocks }] of rules.entries()) {
      let own: readonly NamedMatch[] = [];
      for (const list of all[at]!) own = merged(own, list);
      own = own.filter(({ end }) => end <= cut);
      for (const { start, end, kind } of own) found(at, kind, this.#text.slice(start, end));
      if (isMasked) places = merged(places, own);
      if (!blocks || own.length === 0) continue;
      isBlocked = true;
      blockedAt = Math.min(blockedAt, own[0]!.start);
    }
    let text = "";
    let copied = this.#passed;
    for (const { start, end, kind } of places) {
      if (start >= blockedAt) break;
      text += this.#slice(copied, start) + cover(this.#text.slice(start, end), kind);
      copied = end;
    }
    if (copied < blockedAt) text += this.#slice(copied, blockedAt);
    return { text, isBlocked };
  }

  #slice(start: number, end: number): string {
    return this.#written === undefined ? this.#text.slice(start, end) : this.#written.slice(start, end).join("");
  }
}
