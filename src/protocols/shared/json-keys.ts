import { jsonValue } from "./json-text.ts";

const quote = 0x22;
const backslash = 0x5c;

/**
 * Renames the keys of the objects in a JSON text that comes in pieces; every other character stays as it is. A key is held back until it is complete.
 * Text that is not JSON passes unchanged.
 */
export class KeyRenamer {
  readonly #names: ReadonlyMap<string, string>;
  /** For each open object or array, whether it is an object. */
  readonly #isObject: boolean[] = [];
  #expectsKey = false;
  #isInString = false;
  #isEscaped = false;
  /** The beginning of a key, with its quote. */
  #key: string | undefined;

  constructor(names: ReadonlyMap<string, string>) {
    this.#names = names;
  }

  push(text: string): string {
    let out = "";
    /** Everything before this offset is in `out` or in the key. */
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (code === backslash) this.#isEscaped = true;
        else if (code === quote) {
          this.#isInString = false;
          if (this.#key === undefined) continue;
          out += this.#rename(this.#key + text.slice(from, at + 1));
          this.#key = undefined;
          from = at + 1;
        }
      } else if (code === quote) {
        this.#isInString = true;
        if (!this.#expectsKey) continue;
        out += text.slice(from, at);
        from = at;
        this.#key = "";
      } else this.#structure(code);
    }
    const rest = text.slice(from);
    if (this.#key === undefined) return out + rest;
    this.#key += rest;
    return out;
  }

  /** A key that was cut off. */
  end(): string {
    const rest = this.#key ?? "";
    this.#key = undefined;
    return rest;
  }

  #structure(code: number): void {
    switch (code) {
      case 0x7b: // {
      case 0x5b: // [
        this.#isObject.push(code === 0x7b);
        this.#expectsKey = code === 0x7b;
        return;
      case 0x7d: // }
      case 0x5d: // ]
        this.#isObject.pop();
        this.#expectsKey = false;
        return;
      case 0x2c: // ,
        this.#expectsKey = this.#isObject.at(-1) === true;
        return;
      case 0x3a: // :
        this.#expectsKey = false;
    }
  }

  #rename(key: string): string {
    const name = key.includes("\\") ? jsonValue(key) : key.slice(1, -1);
    const renamed = typeof name === "string" ? this.#names.get(name) : undefined;
    return renamed === undefined ? key : JSON.stringify(renamed);
  }
}

/** The same for a text that is complete. */
export function renameKeys(text: string, names: ReadonlyMap<string, string> | undefined): string {
  if (names === undefined) return text;
  const renamer = new KeyRenamer(names);
  return renamer.push(text) + renamer.end();
}
