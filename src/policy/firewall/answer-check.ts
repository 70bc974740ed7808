import { applyEdits, type Bytes } from "../../core/index.ts";
import { editTexts } from "./body-texts.ts";
import type { CompiledRule, Finding } from "./compiled-rule.ts";
import type { HeadTable } from "./head-table.ts";
import { JsonTextFilter } from "./json-text-filter.ts";
import type { Placeholders, RestoredForm } from "./placeholders.ts";
import { TextFilter, type FilterOptions, type Passed } from "./text-filter.ts";

/** One text of an answer, in pieces. */
export interface AnswerText {
  push(piece: string): string;
  end(): string;
}

/** What looks through the texts of an answer, whole or in pieces. */
export interface AnswerLook {
  /** Nothing more may pass. */
  readonly isBlocked: boolean;
  open(form: RestoredForm): AnswerText;
  /** What passes of a whole body or event (latin1, valid JSON). */
  body(body: Bytes): Bytes;
}

/** Members of an answer whose text is JSON: arguments of a tool. */
const argumentKeys: ReadonlySet<string> = new Set(["arguments", "partial_json"]);

/** The rules on one answer: what they find in it, and what passes of it. */
export class AnswerCheck implements AnswerLook {
  readonly #rules: readonly CompiledRule[];
  readonly #acting: FilterOptions;
  readonly #observing: FilterOptions;
  readonly #placeholders: Placeholders;
  readonly #heads: HeadTable;
  readonly #originals = new Set<string>();
  readonly #counts: ReadonlyMap<CompiledRule, Map<string, number>>;
  #isBlocked = false;

  constructor(rules: readonly CompiledRule[], { placeholders, heads }: { readonly placeholders: Placeholders; readonly heads: HeadTable }) {
    this.#rules = rules;
    this.#placeholders = placeholders;
    this.#heads = heads;
    this.#counts = new Map(rules.map((rule) => [rule, new Map<string, number>()]));
    this.#acting = this.#optionsOf(rules.filter(({ action }) => action !== "observe"));
    this.#observing = this.#optionsOf(rules.filter(({ action }) => action === "observe"));
  }

  /** What has been found so far. Counts are of different texts: streams repeat what they have sent. */
  get findings(): readonly Finding[] {
    return this.#rules.flatMap((rule) => {
      const counts = this.#counts.get(rule)!;
      return counts.size === 0 ? [] : [{ rule: rule.name, action: rule.action, direction: "answer" as const, counts }];
    });
  }

  /** A rule blocks the answer: nothing more of it may pass. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Rules change the answer, or may end it. */
  get isActing(): boolean {
    return this.#acting.rules.length > 0;
  }

  /** What passes of a whole body or event (latin1, valid JSON): look at `isBlocked` then. */
  body(body: Bytes): Bytes {
    const change = (text: string, key: string): string => this.text(text, argumentKeys.has(key) ? "json" : "text");
    const edits = editTexts(body, change, { hasNoTokens: this.isActing });
    return edits.length === 0 ? body : applyEdits(body, edits);
  }

  /** What passes of a whole text. */
  text(text: string, form: RestoredForm): string {
    const whole = this.open(form);
    return whole.push(text) + whole.end();
  }

  /** @param form `json`: the text is arguments of a tool. */
  open(form: RestoredForm): AnswerText {
    const acting = this.isActing ? new FormedText(this.#acting, form) : undefined;
    const observing = this.#observing.rules.length > 0 ? new FormedText(this.#observing, form) : undefined;
    return {
      push(piece) {
        observing?.push(piece);
        return acting === undefined ? piece : acting.push(piece);
      },
      end() {
        observing?.end();
        return acting === undefined ? "" : acting.end();
      },
    };
  }

  #optionsOf(rules: readonly CompiledRule[]): FilterOptions {
    return {
      heads: this.#heads,
      rules: rules.map(({ action, detectors }) => ({ isMasked: action === "mask", isBlocked: action === "block", detectors })),
      found: (at, kind, original) => {
        const rule = rules[at]!;
        const key = `${rule.name}\0${kind}\0${original}`;
        if (this.#originals.has(key)) return;
        this.#originals.add(key);
        const counts = this.#counts.get(rule)!;
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        if (rules[at]!.action === "block") this.#isBlocked = true;
      },
      cover: (original, kind) => this.#placeholders.cover(original, kind),
    };
  }
}

/** Its first character that is not a space says whether a text is JSON. */
class FormedText {
  readonly #options: FilterOptions;
  readonly #form: RestoredForm;
  #filter: TextFilter | JsonTextFilter | undefined;
  #isBlocked = false;

  constructor(options: FilterOptions, form: RestoredForm) {
    this.#options = options;
    this.#form = form;
  }

  push(piece: string): string {
    if (this.#isBlocked) return "";
    if (this.#filter === undefined) {
      const first = this.#form === "json" ? "{" : piece.trimStart()[0];
      // Spaces alone are no match of any rule.
      if (first === undefined) return piece;
      this.#filter =
        first === "{" || first === "[" ? new JsonTextFilter(this.#options, this.#form === "json") : new TextFilter(this.#options);
    }
    return this.#take(this.#filter.push(piece));
  }

  end(): string {
    return this.#filter === undefined || this.#isBlocked ? "" : this.#take(this.#filter.end());
  }

  #take({ text, isBlocked }: Passed): string {
    this.#isBlocked = isBlocked;
    return text;
  }
}
