import { TextFilter, type FilterOptions, type Passed } from "./text-filter.ts";

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

/**
 * A text that is JSON, in pieces cut anywhere: each string of it, and each name of a member, is a text of its own, without its escapes. What stays comes out as it was
 * written. What is outside strings is looked at as well, unless it is arguments of a tool, where a placeholder would be no JSON.
 */
export class JsonTextFilter {
  readonly #options: FilterOptions;
  readonly #isOutsideFixed: boolean;
  #isInside = false;
  /** An escape that has begun. */
  #escape = "";
  #filter: TextFilter;

  constructor(options: FilterOptions, isOutsideFixed: boolean) {
    this.#options = options;
    this.#isOutsideFixed = isOutsideFixed;
    this.#filter = new TextFilter(options);
  }

  push(piece: string): Passed {
    let out = "";
    for (let at = 0; at < piece.length;) {
      if (!this.#isInside) {
        const quote = piece.indexOf('"', at);
        const outside = piece.slice(at, quote === -1 ? piece.length : quote);
        const passed = this.#outside(outside, quote !== -1);
        out += passed.text;
        if (passed.isBlocked) return { text: out, isBlocked: true };
        at += outside.length;
        if (quote === -1) break;
        out += '"';
        at++;
        this.#open(true);
        continue;
      }
      const { end, decoded, written } = this.#read(piece, at);
      const isOver = end < piece.length;
      const passed = this.#filter.push(decoded, written);
      out += passed.text;
      const last = isOver && !passed.isBlocked ? this.#filter.end() : undefined;
      out += last?.text ?? "";
      if (passed.isBlocked || last?.isBlocked === true) return { text: out, isBlocked: true };
      at = end;
      if (!isOver) break;
      out += '"';
      at++;
      this.#open(false);
    }
    return { text: out, isBlocked: false };
  }

  end(): Passed {
    const { text, isBlocked } = this.#filter.end();
    return { text: isBlocked ? text : text + this.#escape, isBlocked };
  }

  #open(isInside: boolean): void {
    this.#isInside = isInside;
    this.#filter = new TextFilter(this.#options);
  }

  #outside(text: string, isOver: boolean): Passed {
    if (this.#isOutsideFixed) return { text, isBlocked: false };
    const passed = this.#filter.push(text);
    if (!isOver || passed.isBlocked) return passed;
    const last = this.#filter.end();
    return { text: passed.text + last.text, isBlocked: last.isBlocked };
  }

  /** The characters of a string from `at` to its quote, or to the end of the piece. */
  #read(piece: string, at: number): { readonly end: number; readonly decoded: string; readonly written: readonly string[] } {
    let decoded = "";
    const written: string[] = [];
    let end = at;
    for (; end < piece.length; end++) {
      const character = piece[end]!;
      if (this.#escape === "") {
        if (character === '"') break;
        if (character === "\\") {
          this.#escape = character;
        } else {
          decoded += character;
          written.push(character);
        }
        continue;
      }
      this.#escape += character;
      const whole = decodeEscape(this.#escape);
      if (whole === undefined) continue;
      decoded += whole;
      written.push(this.#escape);
      this.#escape = "";
    }
    return { end, decoded, written };
  }
}

/** `undefined`: more belongs to it. */
function decodeEscape(escape: string): string | undefined {
  const kind = escape[1]!;
  if (kind !== "u") return escapes[kind] ?? kind;
  if (escape.length < 6) return undefined;
  const code = Number.parseInt(escape.slice(2), 16);
  return Number.isNaN(code) ? "\ufffd" : String.fromCharCode(code);
}
