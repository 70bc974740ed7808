import { GlobList } from "../../core/index.ts";
import type { Classifier } from "./classifiers/classifier.ts";
import { detectors, type NamedDetector } from "./detectors.ts";
import type { FirewallRule } from "./section.ts";
import { detectPattern, type PatternGuess } from "./user-pattern.ts";
import { detectWords } from "./word-list.ts";

/** What a rule has found in one request or its answer. */
export interface Finding {
  readonly rule: string;
  readonly action: FirewallRule["action"];
  readonly direction: "request" | "answer";
  /** Matches by detector, as in `email`; never a text. `unjudged`: a classifier had no judgement, and the text passed. */
  readonly counts: ReadonlyMap<string, number>;
}

/** A rule that is ready to be used. */
export interface CompiledRule extends Pick<FirewallRule, "name" | "action" | "direction"> {
  readonly users: GlobList;
  readonly models: GlobList;
  readonly detectors: readonly NamedDetector[];
  readonly classifiers: readonly Classifier[];
}

/** What all rules share. */
export interface SharedParts {
  /** By name. */
  readonly classifiers: ReadonlyMap<string, Classifier>;
  readonly mayMatch: PatternGuess;
}

/** @throws PatternError */
export function compileRule(rule: FirewallRule, { classifiers: known, mayMatch }: SharedParts): CompiledRule {
  const { name, action, direction, detect, patterns, words, users, models } = rule;
  const all: NamedDetector[] = detect.map((kind) => ({ kind, detector: detectors[kind] }));
  if (words.length > 0) all.push({ kind: "word", detector: detectWords(words) });
  for (const pattern of patterns) all.push({ kind: "pattern", detector: detectPattern(pattern, mayMatch) });
  const classifiers = rule.classifiers.flatMap((each) => known.get(each) ?? []);
  return { name, action, direction, users: new GlobList(users), models: new GlobList(models), detectors: all, classifiers };
}

/** A classifier may name any number of kinds, and the text goes into messages, headers and rows. */
const maxNamed = 20;

/** `email 2, phone 1`. */
export function describeCounts(counts: ReadonlyMap<string, number>): string {
  const named = [...counts].slice(0, maxNamed).map(([kind, count]) => `${kind} ${count}`);
  return (counts.size > maxNamed ? [...named, `${counts.size - maxNamed} other kinds`] : named).join(", ");
}

/** The findings of one look and of a second one at the same text: one for each rule. */
export function joinFindings(first: readonly Finding[], second: readonly Finding[]): readonly Finding[] {
  if (second.length === 0) return first;
  const joined = [...first];
  for (const finding of second) {
    const at = joined.findIndex(
      ({ rule, action, direction }) => rule === finding.rule && action === finding.action && direction === finding.direction,
    );
    if (at === -1) joined.push(finding);
    else joined[at] = { ...finding, counts: new Map([...joined[at]!.counts, ...finding.counts]) };
  }
  return joined;
}
