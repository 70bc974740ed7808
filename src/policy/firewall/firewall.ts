import { applyEdits, type Bytes } from "../../core/index.ts";
import { AnswerCheck } from "./answer-check.ts";
import { changeText, editTexts, isJson } from "./body-texts.ts";
import type { Classifier } from "./classifiers/classifier.ts";
import { ClassifierError, type JudgedContext } from "./classifiers/judgement.ts";
import { compileRule, type CompiledRule, type Finding } from "./compiled-rule.ts";
import { findAll, type NamedMatch } from "./detectors.ts";
import { HeadTable } from "./head-table.ts";
import { OutsideCheck } from "./outside-check.ts";
import { isTakenIn, Placeholders } from "./placeholders.ts";
import { scan } from "./scan.ts";
import type { FirewallRule } from "./section.ts";
import { merged } from "./text-match.ts";
import { guessPatterns } from "./user-pattern.ts";
import { headsOf } from "./word-list.ts";

/** What the rules say of one request. */
export interface Verdict {
  /** In the order of the rules; those that found nothing are not in it. */
  readonly findings: readonly Finding[];
  /** The body with placeholders; `undefined`: nothing is masked. */
  readonly masked: Bytes | undefined;
  readonly placeholders: Placeholders;
}

/** What a rule finds in a text that is given for a trial. */
export interface TrialResult {
  readonly rule: string;
  readonly action: FirewallRule["action"];
  readonly matches: readonly NamedMatch[];
  /** What classifiers say of the text, without a place. */
  readonly categories: readonly string[];
  /** Why classifiers have no judgement. */
  readonly problems: readonly string[];
}

/** The rules of one configuration. */
export class Firewall {
  readonly #rules: readonly CompiledRule[];
  /** Those that find something by themselves. */
  readonly #own: readonly CompiledRule[];
  /** What begins as a word of their lists does. */
  readonly #heads: HeadTable;
  /** Those that ask classifiers. */
  readonly #outside: readonly CompiledRule[];

  /** @param classifiers those that rules name. */
  constructor(rules: readonly FirewallRule[], classifiers: readonly Classifier[] = []) {
    const shared = {
      classifiers: new Map(classifiers.map((each) => [each.settings.name, each])),
      mayMatch: guessPatterns(rules.flatMap(({ patterns }) => patterns)),
    };
    this.#rules = rules.map((rule) => compileRule(rule, shared));
    this.#heads = new HeadTable(rules.flatMap(({ words }) => headsOf(words)));
    this.#own = this.#rules.filter(({ detectors }) => detectors.length > 0);
    this.#outside = this.#rules.filter((rule) => rule.classifiers.length > 0);
  }

  /**
   * Looks through all texts of a request. `undefined`: nothing was found, or no rule is for this user and model.
   * @param body latin1, valid JSON.
   * @param known placeholders of an earlier request that this one goes on from, saved.
   * @throws GatewayError `invalid_json`, `ambiguous_json`.
   */
  check(body: Bytes, user: string, model: string, known?: string): Verdict | undefined {
    const rules = rulesOf(this.#own, "request", user, model);
    if (rules.length === 0) return undefined;
    const counts = rules.map(() => new Map<string, number>());
    const placeholders = new Placeholders(isTakenIn(body));
    const look = (text: string): string => {
      const candidates = scan(text, 0, this.#heads);
      let places: readonly NamedMatch[] = [];
      for (const [at, { action, detectors: own }] of rules.entries()) {
        const found = findAll(own, text, candidates);
        for (const { kind } of found) counts[at]!.set(kind, (counts[at]!.get(kind) ?? 0) + 1);
        if (action === "mask" && found.length > 0) places = merged(places, found);
      }
      return places.length === 0 ? text : placeholders.mask(text, places);
    };
    if (known !== undefined) placeholders.load(known);
    const edits = editTexts(body, (text) => changeText(text, look));
    const findings = rules.map(({ name, action }, at) => ({ rule: name, action, direction: "request" as const, counts: counts[at]! }));
    const made = findings.filter((finding) => finding.counts.size > 0);
    if (made.length === 0) return undefined;
    return { findings: made, masked: edits.length === 0 ? undefined : applyEdits(body, edits), placeholders };
  }

  /** The rules on the answer; `undefined`: no rule is for the answers of this user and model. */
  answerCheck(user: string, model: string, placeholders: Placeholders): AnswerCheck | undefined {
    const rules = rulesOf(this.#own, "answer", user, model);
    return rules.length === 0 ? undefined : new AnswerCheck(rules, { placeholders, heads: this.#heads });
  }

  /** Rules name classifiers. */
  get asksClassifiers(): boolean {
    return this.#outside.length > 0;
  }

  /** The rules with classifiers; `undefined`: none is for this user, model and direction. */
  outsideCheck(context: JudgedContext, placeholders: Placeholders): OutsideCheck | undefined {
    const rules = rulesOf(this.#outside, context.direction, context.user, context.model);
    return rules.length === 0 ? undefined : new OutsideCheck({ rules, placeholders, context });
  }

  /** What each rule finds in a text, with the places: for trying rules. Classifiers are asked. */
  async test(text: string): Promise<readonly TrialResult[]> {
    const candidates = scan(text, 0, this.#heads);
    const results: TrialResult[] = [];
    for (const { name, action, direction, detectors: own, classifiers } of this.#rules) {
      let matches = findAll(own, text, candidates);
      const categories: string[] = [];
      const problems: string[] = [];
      const context = {
        requestId: "test",
        direction: direction === "answer" ? direction : "request",
        user: "test",
        model: "test",
      } as const;
      for (const classifier of classifiers) {
        try {
          const judgement = await classifier.judge([text], context);
          const [judged] = judgement.texts;
          matches = merged(matches, judged?.places ?? []);
          categories.push(...judgement.categories, ...(judged?.categories ?? []));
        } catch (error) {
          if (!(error instanceof ClassifierError)) throw error;
          problems.push(`${classifier.settings.name} ${error.message}`);
        }
      }
      results.push({ rule: name, action, matches, categories, problems });
    }
    return results;
  }
}

function rulesOf(rules: readonly CompiledRule[], direction: "request" | "answer", user: string, model: string): readonly CompiledRule[] {
  return rules.filter(
    (rule) =>
      (rule.direction === direction || rule.direction === "both") &&
      rule.users.match(user) !== undefined &&
      rule.models.match(model) !== undefined,
  );
}

/** Puts the originals back into the texts of a whole answer or event (latin1). In arguments of tools, which are JSON, they are escaped once more. */
export function restoreTexts(body: Bytes, placeholders: Placeholders): Bytes {
  const edits = editTexts(body, (text) => (text.includes("[") ? placeholders.restore(text, isJson(text) ? "json" : "text") : text));
  return edits.length === 0 ? body : applyEdits(body, edits);
}
