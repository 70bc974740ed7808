import { applyEdits, type Bytes } from "../../core/index.ts";
import { AnswerCheck } from "./answer-check.ts";
import { changeText, editTexts, isJson } from "./body-texts.ts";
import { compileRule, type CompiledRule, type Finding } from "./compiled-rule.ts";
import { findAll, type NamedMatch } from "./detectors.ts";
import { Placeholders } from "./placeholders.ts";
import { scan } from "./scan.ts";
import type { FirewallRule } from "./section.ts";
import { merged } from "./text-match.ts";

/** What the rules say of one request. */
export interface Verdict {
  /** In the order of the rules; those that found nothing are not in it. */
  readonly findings: readonly Finding[];
  /** The body with placeholders; `undefined`: nothing is masked. */
  readonly masked: Bytes | undefined;
  readonly placeholders: Placeholders;
}

/** The rules of one configuration. */
export class Firewall {
  readonly #rules: readonly CompiledRule[];

  constructor(rules: readonly FirewallRule[]) {
    this.#rules = rules.map(compileRule);
  }

  /**
   * Looks through all texts of a request. `undefined`: nothing was found, or no rule is for this user and model.
   * @param body latin1, valid JSON.
   * @param known placeholders of an earlier request that this one goes on from, saved.
   * @throws GatewayError `invalid_json`, `ambiguous_json`.
   */
  check(body: Bytes, user: string, model: string, known?: string): Verdict | undefined {
    const rules = this.#rulesOf("request", user, model);
    if (rules.length === 0) return undefined;
    const counts = rules.map(() => new Map<string, number>());
    const placeholders = new Placeholders((placeholder) => body.includes(placeholder));
    const look = (text: string): string => {
      const candidates = scan(text);
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
    const rules = this.#rulesOf("answer", user, model);
    return rules.length === 0 ? undefined : new AnswerCheck(rules, placeholders);
  }

  #rulesOf(direction: "request" | "answer", user: string, model: string): readonly CompiledRule[] {
    return this.#rules.filter(
      (rule) =>
        (rule.direction === direction || rule.direction === "both") &&
        rule.users.match(user) !== undefined &&
        rule.models.match(model) !== undefined,
    );
  }

  /** The same for a text, with the places: for trying rules. */
  test(
    text: string,
  ): readonly { readonly rule: string; readonly action: FirewallRule["action"]; readonly matches: readonly NamedMatch[] }[] {
    const candidates = scan(text);
    return this.#rules.map(({ name, action, detectors: own }) => ({ rule: name, action, matches: findAll(own, text, candidates) }));
  }
}

/** Puts the originals back into the texts of a whole answer or event (latin1). In arguments of tools, which are JSON, they are escaped once more. */
export function restoreTexts(body: Bytes, placeholders: Placeholders): Bytes {
  const edits = editTexts(body, (text) => (text.includes("[") ? placeholders.restore(text, isJson(text) ? "json" : "text") : text));
  return edits.length === 0 ? body : applyEdits(body, edits);
}
