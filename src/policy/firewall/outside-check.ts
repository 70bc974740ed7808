import { applyEdits, type Bytes } from "../../core/index.ts";
import type { AnswerLook, AnswerText } from "./answer-check.ts";
import { changeParts, editTexts } from "./body-texts.ts";
import type { Classifier, Judgement } from "./classifiers/classifier.ts";
import { ClassifierError, type JudgedContext } from "./classifiers/judgement.ts";
import type { CompiledRule, Finding } from "./compiled-rule.ts";
import type { NamedMatch } from "./detectors.ts";
import type { Placeholders } from "./placeholders.ts";
import { merged } from "./text-match.ts";

/** A classifier without a judgement: for the log. */
export interface MissingJudgement {
  readonly classifier: string;
  /** The end of a sentence that begins with the classifier: `answered 500`. */
  readonly reason: string;
  /** The text does not pass. */
  readonly isClosed: boolean;
}

export interface OutsideOptions {
  readonly rules: readonly CompiledRule[];
  readonly placeholders: Placeholders;
  readonly context: JudgedContext;
  /** An answer is being sent already: rules only observe. */
  readonly isLate?: boolean;
}

/** What findings call a classifier that had no judgement. */
export const unjudged = "unjudged";

/**
 * The rules with classifiers on one request or answer: first `collect` takes its texts, then `judge` asks, and then `change` masks. What the other rules have masked stays
 * masked: classifiers get placeholders.
 */
export class OutsideCheck {
  readonly #options: OutsideOptions;
  readonly #texts = new Set<string>();
  readonly #places = new Map<string, readonly NamedMatch[]>();
  #findings: readonly Finding[] = [];
  #missing: readonly MissingJudgement[] = [];

  constructor(options: OutsideOptions) {
    this.#options = options;
  }

  /** The same for an answer that is being sent already: its rules only observe. */
  asLate(): OutsideCheck {
    return new OutsideCheck({ ...this.#options, isLate: true });
  }

  /** In the order of the rules. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }

  get missing(): readonly MissingJudgement[] {
    return this.#missing;
  }

  get isBlocked(): boolean {
    return this.#findings.some(({ action, counts }) => action === "block" && [...counts.keys()].some((kind) => kind !== unjudged));
  }

  /** A stream must wait for its judgement: `after` has been chosen for none of the classifiers that a rule acts by. */
  get holdsStreams(): boolean {
    return this.#options.rules.some(
      ({ action, classifiers }) => action !== "observe" && classifiers.some(({ settings }) => settings.holdsStreams),
    );
  }

  /** Takes a part of a text. @returns it. */
  collect(part: string): string {
    if (/\S/.test(part)) this.#texts.add(part);
    return part;
  }

  /** Asks the classifiers of all rules, each once. */
  async judge(): Promise<void> {
    const texts = [...this.#texts];
    const { rules, isLate = false, context } = this.#options;
    if (texts.length === 0) return;
    const classifiers = [...new Set(rules.flatMap((rule) => rule.classifiers))];
    const judged = new Map<Classifier, Judgement | ClassifierError>();
    await Promise.all(
      classifiers.map(async (classifier) => {
        judged.set(classifier, await judgementOf(classifier, texts, context));
      }),
    );
    this.#missing = classifiers.flatMap((classifier) => {
      const problem = judged.get(classifier);
      if (!(problem instanceof ClassifierError)) return [];
      const isNeeded = rules.some(({ action, classifiers: own }) => action !== "observe" && own.includes(classifier));
      const { name, isOpenOnError } = classifier.settings;
      return [{ classifier: name, reason: problem.message, isClosed: isNeeded && !isOpenOnError && !isLate }];
    });
    this.#findings = rules.flatMap((rule) => this.#findingOf(rule, texts, judged));
  }

  #findingOf(
    { name, action, classifiers }: CompiledRule,
    texts: readonly string[],
    judged: ReadonlyMap<Classifier, Judgement | ClassifierError>,
  ): Finding[] {
    const { isLate = false, context } = this.#options;
    const counts = new Map<string, number>();
    const count = (kind: string): unknown => counts.set(kind, (counts.get(kind) ?? 0) + 1);
    for (const classifier of classifiers) {
      const judgement = judged.get(classifier)!;
      if (judgement instanceof ClassifierError) {
        count(unjudged);
        continue;
      }
      for (const category of judgement.categories) count(category);
      for (const [at, { places, categories }] of judgement.texts.entries()) {
        for (const kind of categories) count(kind);
        const own = this.#withoutPlaceholders(texts[at]!, places);
        for (const { kind } of own) count(kind);
        if (action === "mask" && !isLate) this.#places.set(texts[at]!, merged(this.#places.get(texts[at]!) ?? [], own));
      }
    }
    return counts.size === 0 ? [] : [{ rule: name, action: isLate ? "observe" : action, direction: context.direction, counts }];
  }

  /** The places without the placeholders in them, which stand for texts that are masked already. */
  #withoutPlaceholders(text: string, places: readonly NamedMatch[]): readonly NamedMatch[] {
    const known = places.length === 0 ? [] : this.#options.placeholders.placesIn(text);
    if (known.length === 0) return places;
    return places.flatMap((place) => cutOut(text, place, known));
  }

  /** A part of a text with placeholders in place of what rules mask. */
  change(part: string): string {
    const places = this.#places.get(part);
    if (places === undefined || places.length === 0) return part;
    const { placeholders, context } = this.#options;
    if (context.direction === "request") return placeholders.mask(part, places);
    let changed = "";
    let at = 0;
    for (const { start, end, kind } of places) {
      changed += part.slice(at, start) + placeholders.cover(part.slice(start, end), kind);
      at = end;
    }
    return changed + part.slice(at);
  }

  /** Rules change texts. */
  get hasChanges(): boolean {
    return [...this.#places.values()].some((places) => places.length > 0);
  }
}

async function judgementOf(classifier: Classifier, texts: readonly string[], context: JudgedContext): Promise<Judgement | ClassifierError> {
  try {
    return await classifier.judge(texts, context);
  } catch (error) {
    if (error instanceof ClassifierError) return error;
    throw error;
  }
}

/** What is left of a place, without spaces around it. */
function cutOut(text: string, place: NamedMatch, known: readonly { readonly start: number; readonly end: number }[]): NamedMatch[] {
  const left: NamedMatch[] = [];
  let from = place.start;
  const add = (end: number): void => {
    let [start, last] = [from, Math.min(end, place.end)];
    while (start < last && text.charCodeAt(start) <= 32) start++;
    while (last > start && text.charCodeAt(last - 1) <= 32) last--;
    if (last > start) left.push({ start, end: last, kind: place.kind });
  };
  for (const { start, end } of known) {
    if (end <= from || start >= place.end) continue;
    add(start);
    from = Math.min(end, place.end);
  }
  add(place.end);
  return left;
}

/** Members whose texts are mostly one of a few words of the wire: they would only confuse a classifier. */
const wordKeys: ReadonlySet<string> = new Set(
  (
    "object status phase finish_reason native_finish_reason stop_reason finishReason blockReason category probability service_tier serviceTier " +
    "system_fingerprint modelVersion responseId responseModality modality trafficType inference_geo tool_choice parallel_tool_calls truncation effort summary verbosity detail mode"
  ).split(" "),
);

/** Changes the parts of all texts of a body (latin1 JSON), or looks at them. */
export function changeBody(body: Bytes, change: (part: string) => string, hasNoTokens = false): Bytes {
  const isWord = (text: string, key: string): boolean => wordKeys.has(key) && /^[\w.-]{0,40}$/.test(text);
  const edits = editTexts(body, (text, key) => (isWord(text, key) ? text : changeParts(text, change)), { hasNoTokens });
  return edits.length === 0 ? body : applyEdits(body, edits);
}

/** The texts of an answer, of which each waits for its end and is then changed as a whole. */
export class WholeTexts implements AnswerLook {
  readonly isBlocked = false;
  readonly #change: (part: string) => string;
  readonly #hasNoTokens: boolean;

  constructor(change: (part: string) => string, hasNoTokens: boolean) {
    this.#change = change;
    this.#hasNoTokens = hasNoTokens;
  }

  open(): AnswerText {
    const pieces: string[] = [];
    return {
      push(piece) {
        pieces.push(piece);
        return "";
      },
      end: () => changeParts(pieces.join(""), this.#change),
    };
  }

  body(body: Bytes): Bytes {
    return changeBody(body, this.#change, this.#hasNoTokens);
  }
}
