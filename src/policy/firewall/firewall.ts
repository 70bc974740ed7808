import { applyEdits, compilePattern, GlobList, type Bytes } from "../../core/index.ts";
import { editTexts, isJson } from "./body-texts.ts";
import { detectors, findAll, type NamedFinder, type NamedMatch } from "./detectors.ts";
import { Placeholders } from "./placeholders.ts";
import type { FirewallRule } from "./section.ts";
import { findWords } from "./word-list.ts";
import { merged } from "./text-match.ts";

/** What a rule has found in one request. */
export interface Finding {
  readonly rule: string;
  readonly action: FirewallRule["action"];
  /** Matches by detector, as in `email`; never a text. */
  readonly counts: ReadonlyMap<string, number>;
}

/** What the rules say of one request. */
export interface Verdict {
  /** In the order of the rules; those that found nothing are not in it. */
  readonly findings: readonly Finding[];
  /** The body with placeholders; `undefined`: nothing is masked. */
  readonly masked: Bytes | undefined;
  readonly placeholders: Placeholders;
}

interface CompiledRule extends Pick<FirewallRule, "name" | "action"> {
  readonly users: GlobList;
  readonly models: GlobList;
  readonly finders: readonly NamedFinder[];
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
   * @throws GatewayError `invalid_json`, `ambiguous_json`.
   */
  check(body: Bytes, user: string, model: string): Verdict | undefined {
    const rules = this.#rules.filter(({ users, models }) => users.match(user) !== undefined && models.match(model) !== undefined);
    if (rules.length === 0) return undefined;
    const counts = rules.map(() => new Map<string, number>());
    const placeholders = new Placeholders((placeholder) => body.includes(placeholder));
    const edits = editTexts(body, (text) => {
      let places: readonly NamedMatch[] = [];
      for (const [at, { action, finders }] of rules.entries()) {
        const found = findAll(finders, text);
        for (const { kind } of found) counts[at]!.set(kind, (counts[at]!.get(kind) ?? 0) + 1);
        if (action === "mask" && found.length > 0) places = merged(places, found);
      }
      return places.length === 0 ? text : placeholders.mask(text, places);
    });
    const findings = rules.map(({ name, action }, at) => ({ rule: name, action, counts: counts[at]! }));
    const made = findings.filter((finding) => finding.counts.size > 0);
    if (made.length === 0) return undefined;
    return { findings: made, masked: edits.length === 0 ? undefined : applyEdits(body, edits), placeholders };
  }

  /** The same for a text, with the places: for trying rules. */
  test(
    text: string,
  ): readonly { readonly rule: string; readonly action: FirewallRule["action"]; readonly matches: readonly NamedMatch[] }[] {
    return this.#rules.map(({ name, action, finders }) => ({ rule: name, action, matches: findAll(finders, text) }));
  }
}

function compileRule({ name, action, detect, patterns, words, users, models }: FirewallRule): CompiledRule {
  const finders: NamedFinder[] = detect.map((kind) => ({ kind, find: detectors[kind] }));
  if (words.length > 0) finders.push({ kind: "word", find: findWords(words) });
  for (const pattern of patterns) {
    const compiled = compilePattern(pattern);
    finders.push({ kind: "pattern", find: (text) => Array.from(compiled.matches(text), ([start, end]) => ({ start, end })) });
  }
  return { name, action, users: new GlobList(users), models: new GlobList(models), finders };
}

/** `email 2, phone 1`. */
export function describeCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(", ");
}

/** Puts the originals back into the texts of a whole answer or event (latin1). In arguments of tools, which are JSON, they are escaped once more. */
export function restoreTexts(body: Bytes, placeholders: Placeholders): Bytes {
  const edits = editTexts(body, (text) => (text.includes("[") ? placeholders.restore(text, isJson(text) ? "json" : "text") : text));
  return edits.length === 0 ? body : applyEdits(body, edits);
}
