import { GlobList } from "../../core/index.ts";
import { detectors, type NamedDetector } from "./detectors.ts";
import type { FirewallRule } from "./section.ts";
import { detectPattern } from "./user-pattern.ts";
import { detectWords } from "./word-list.ts";

/** What a rule has found in one request or its answer. */
export interface Finding {
  readonly rule: string;
  readonly action: FirewallRule["action"];
  readonly direction: "request" | "answer";
  /** Matches by detector, as in `email`; never a text. */
  readonly counts: ReadonlyMap<string, number>;
}

/** A rule that is ready to be used. */
export interface CompiledRule extends Pick<FirewallRule, "name" | "action" | "direction"> {
  readonly users: GlobList;
  readonly models: GlobList;
  readonly detectors: readonly NamedDetector[];
}

/** @throws PatternError */
export function compileRule({ name, action, direction, detect, patterns, words, users, models }: FirewallRule): CompiledRule {
  const all: NamedDetector[] = detect.map((kind) => ({ kind, detector: detectors[kind] }));
  if (words.length > 0) all.push({ kind: "word", detector: detectWords(words) });
  for (const pattern of patterns) all.push({ kind: "pattern", detector: detectPattern(pattern) });
  return { name, action, direction, users: new GlobList(users), models: new GlobList(models), detectors: all };
}

/** `email 2, phone 1`. */
export function describeCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(", ");
}
