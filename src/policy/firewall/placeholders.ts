/** A place in a text, in UTF-16 units, and what is there, as in `email`. */
export interface MaskedPlace {
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/** Where an original goes back: into plain text, or into JSON text, inside a string of it. */
export type RestoredForm = "text" | "json";

const placeholderForm = /\[[A-Z\d_]+\]/g;

/** Whether a body has this placeholder as a text of its own. The body is searched once, and not for each placeholder. */
export function isTakenIn(body: string): (placeholder: string) => boolean {
  let taken: ReadonlySet<string> | undefined;
  return (placeholder) => {
    taken ??= new Set(body.match(placeholderForm));
    return taken.has(placeholder);
  };
}

/**
 * The placeholders of one request, as in `[EMAIL_1]`. One original has one placeholder wherever it appears, and numbers follow the order of appearance, so the
 * beginning of a conversation is masked alike in each turn, and the provider's prompt cache still finds it.
 */
export class Placeholders {
  readonly #isTaken: (placeholder: string) => boolean;
  readonly #byOriginal = new Map<string, string>();
  readonly #originals = new Map<string, string>();
  readonly #covers = new Map<string, string>();
  readonly #coverTexts = new Set<string>();
  readonly #lastNumbers = new Map<string, number>();
  #longest = 0;

  /** @param isTaken whether the request contains this text already: it is the client's own, and must not come back as an original. */
  constructor(isTaken: (placeholder: string) => boolean) {
    this.#isTaken = isTaken;
  }

  /** Where placeholders are in a text, from left to right. */
  placesIn(text: string): { readonly start: number; readonly end: number }[] {
    if (this.size === 0 && this.#covers.size === 0) return [];
    return [...text.matchAll(placeholderForm)]
      .filter(([placeholder]) => this.#originals.has(placeholder) || this.#coverTexts.has(placeholder))
      .map(({ 0: placeholder, index }) => ({ start: index, end: index + placeholder.length }));
  }

  /** The number of different originals. */
  get size(): number {
    return this.#originals.size;
  }

  /** The text with placeholders at these places, which are in order and do not overlap. */
  mask(text: string, places: readonly MaskedPlace[]): string {
    let masked = "";
    let at = 0;
    for (const { start, end, kind } of places) {
      masked += text.slice(at, start) + this.#placeholderOf(text.slice(start, end), kind);
      at = end;
    }
    return masked + text.slice(at);
  }

  /** The originals with their placeholders, for `load`; `undefined`: there are none. */
  save(): string | undefined {
    return this.size === 0 ? undefined : JSON.stringify([...this.#byOriginal]);
  }

  /** Takes those of an earlier request, whose conversation this one goes on with. @param saved by `save`. */
  load(saved: string): void {
    for (const [key, placeholder] of JSON.parse(saved) as readonly (readonly [string, string])[]) {
      const [, kind = "", number = ""] = /^\[(.*)_(\d+)\]$/.exec(placeholder) ?? [];
      const name = kind.toLowerCase();
      this.#lastNumbers.set(name, Math.max(this.#lastNumbers.get(name) ?? 0, Number(number)));
      this.#add(key, placeholder, key.slice(key.indexOf(":") + 1));
    }
  }

  /** A placeholder for a text of the answer, that stays in place: unless it is one of the request's own originals, nothing comes back for it. */
  cover(original: string, kind: string): string {
    const key = `${kind}:${original}`;
    const known = this.#byOriginal.get(key) ?? this.#covers.get(key);
    if (known !== undefined) return known;
    const placeholder = this.#nextOf(kind);
    this.#covers.set(key, placeholder);
    this.#coverTexts.add(placeholder);
    return placeholder;
  }

  /** The text with originals in place of their placeholders. An original is not searched for placeholders. */
  restore(text: string, form: RestoredForm = "text"): string {
    let restored = "";
    let copied = 0;
    let open = this.size === 0 ? -1 : text.indexOf("[");
    while (open >= 0) {
      const close = text.slice(open, open + this.#longest).indexOf("]");
      const original = close < 0 ? undefined : this.#originals.get(text.slice(open, open + close + 1));
      if (original !== undefined) {
        restored += text.slice(copied, open) + (form === "json" ? JSON.stringify(original).slice(1, -1) : original);
        copied = open + close + 1;
      }
      open = text.indexOf("[", original === undefined ? open + 1 : copied);
    }
    return restored + text.slice(copied);
  }

  /** Where the beginning of a placeholder begins that the text ends with; the text's length if it ends with none. */
  openEnd(text: string): number {
    if (this.size === 0) return text.length;
    const open = text.lastIndexOf("[");
    if (open < 0 || text.length - open >= this.#longest) return text.length;
    const tail = text.slice(open);
    for (const placeholder of this.#originals.keys()) if (placeholder.startsWith(tail) && tail !== placeholder) return open;
    return text.length;
  }

  #placeholderOf(original: string, kind: string): string {
    const key = `${kind}:${original}`;
    const known = this.#byOriginal.get(key);
    if (known !== undefined) return known;
    const placeholder = this.#nextOf(kind);
    this.#add(key, placeholder, original);
    return placeholder;
  }

  #add(key: string, placeholder: string, original: string): void {
    this.#byOriginal.set(key, placeholder);
    this.#originals.set(placeholder, original);
    this.#longest = Math.max(this.#longest, placeholder.length);
  }

  #nextOf(kind: string): string {
    let number = this.#lastNumbers.get(kind) ?? 0;
    let placeholder: string;
    do placeholder = `[${kind.toUpperCase()}_${++number}]`;
    while (this.#isTaken(placeholder));
    this.#lastNumbers.set(kind, number);
    return placeholder;
  }
}

/** Restores one text that arrives in pieces, cut anywhere. It holds back only the beginning of a placeholder that is not complete. */
export class StreamRestorer {
  readonly #placeholders: Placeholders;
  readonly #form: RestoredForm;
  #held = "";

  constructor(placeholders: Placeholders, form: RestoredForm) {
    this.#placeholders = placeholders;
    this.#form = form;
  }

  /** @returns what may go on to the client. */
  push(piece: string): string {
    const text = this.#held + piece;
    const end = this.#placeholders.openEnd(text);
    this.#held = text.slice(end);
    return this.#placeholders.restore(text.slice(0, end), this.#form);
  }

  /** The text is over: what was held back is no placeholder. */
  end(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}
