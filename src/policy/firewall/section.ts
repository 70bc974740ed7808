import * as z from "zod";
import { compilePattern, PatternError } from "../../core/index.ts";
import { choice, texts } from "../../settings/index.ts";
import { classifierSchema, kindsWithoutPlaces, readClassifier, type ClassifierSettings } from "./classifiers/classifier-section.ts";
import { detectorNames, type DetectorName } from "./detectors.ts";
import { isRuleSet, ruleSetNames, ruleSets } from "./rule-sets.ts";

const actions = ["observe", "mask", "block"] as const;
export type FirewallAction = (typeof actions)[number];
const directions = ["request", "answer", "both"] as const;
export type FirewallDirection = (typeof directions)[number];

const rule = z
  .strictObject({
    action: choice(
      "What happens: observe counts; mask puts placeholders in place, and the originals of a request back into its answer; block refuses the request, or ends the answer.",
      actions,
    ),
    direction: choice("What it looks at: requests, answers of models, or both.", directions).prefault("request"),
    sets: texts("Ready-made sets of what is found.", `a list of ${ruleSetNames.join(", ")}`).prefault([]),
    detect: texts("Built-in detectors.", `a list of ${detectorNames.join(", ")}`).prefault([]),
    patterns: texts("Regular expressions in the syntax of RE2.", "a list of patterns").prefault([]),
    words: texts("Words or phrases, found whole and in any case.", "a list of words").prefault([]),
    classifiers: texts("Classifiers on other servers, of firewall.classifiers.", "a list of names").prefault([]),
    users: texts("Globs of the users whose requests it is for; a leading ! excludes.", "a list of globs").prefault(["*"]),
    models: texts("Globs of the models, as clients name them, that it is for; a leading ! excludes.", "a list of globs").prefault(["*"]),
  })
  .describe("A rule.")
  .check(({ value, issues }) => {
    const report = (path: (string | number)[], found: unknown, message: string): void => {
      issues.push({ code: "custom", message, input: found, path });
    };
    if (value.sets.length + value.detect.length + value.patterns.length + value.words.length + value.classifiers.length === 0) {
      report([], value, "a rule with sets, detect, patterns, words or classifiers");
    }
    for (const [at, name] of value.sets.entries()) {
      if (!isRuleSet(name)) report(["sets", at], name, `one of ${ruleSetNames.join(", ")}`);
    }
    for (const [at, name] of value.detect.entries()) {
      if (!isDetector(name)) report(["detect", at], name, `one of ${detectorNames.join(", ")}`);
    }
    for (const [at, pattern] of value.patterns.entries()) {
      const problem = problemOf(pattern);
      if (problem !== undefined) report(["patterns", at], pattern, `a pattern that is not one ${problem}`);
    }
  });

function isDetector(name: string): name is DetectorName {
  return detectorNames.some((each) => each === name);
}

function problemOf(pattern: string): string | undefined {
  try {
    compilePattern(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

export const firewallSchema = z
  .strictObject({
    rules: z.record(z.string(), rule).describe("By name. In their order; all that apply act.").prefault({}),
    classifiers: z
      .record(z.string().regex(/^[\w.-]+$/), classifierSchema)
      .describe("On other servers, by name, for rules that name them.")
      .prefault({}),
  })
  .describe("What must not leave for a provider. See docs/firewall.md.")
  .check(({ value, issues }) => {
    for (const [name, { action, classifiers }] of Object.entries(value.rules)) {
      for (const [at, each] of classifiers.entries()) {
        const problem = problemOfClassifier(value.classifiers[each]?.kind, action, Object.keys(value.classifiers));
        if (problem !== undefined) issues.push({ code: "custom", message: problem, input: each, path: ["rules", name, "classifiers", at] });
      }
    }
  })
  .prefault({});

function problemOfClassifier(
  kind: ClassifierSettings["kind"] | undefined,
  action: FirewallAction,
  known: readonly string[],
): string | undefined {
  if (kind === undefined) return `one of firewall.classifiers: ${known.length === 0 ? "it has none" : known.join(", ")}`;
  return action === "mask" && kindsWithoutPlaces.has(kind)
    ? "for action: mask, one of kind webhook or presidio, which name places"
    : undefined;
}

export type ParsedFirewall = z.output<typeof firewallSchema>;

export interface FirewallRule {
  readonly name: string;
  readonly action: FirewallAction;
  readonly direction: FirewallDirection;
  readonly detect: readonly DetectorName[];
  readonly patterns: readonly string[];
  readonly words: readonly string[];
  /** By name. */
  readonly classifiers: readonly string[];
  readonly users: readonly string[];
  readonly models: readonly string[];
}

export interface FirewallSection {
  /** None: nothing is looked at. */
  readonly rules: readonly FirewallRule[];
  readonly classifiers: readonly ClassifierSettings[];
}

/** A list that only excludes is for all others: without a pattern that includes, its rule would never act. */
function withIncluded(globs: readonly string[]): readonly string[] {
  return globs.length > 0 && globs.every((glob) => glob.startsWith("!")) ? ["*", ...globs] : globs;
}

export function readFirewall({ rules, classifiers }: ParsedFirewall): FirewallSection {
  return { rules: readRules(rules), classifiers: Object.entries(classifiers).map(([name, each]) => readClassifier(name, each)) };
}

function readRules(rules: ParsedFirewall["rules"]): readonly FirewallRule[] {
  return Object.entries(rules).map(([name, { sets, ...parsed }]) => {
    const chosen = sets.filter(isRuleSet).map((set) => ruleSets[set]);
    // In the order of the detectors: where two find the same text, the more certain one keeps its place.
    const detect = detectorNames.filter(
      (each) => parsed.detect.includes(each) || chosen.some((set) => set.detect.some((one) => one === each)),
    );
    const [users, models] = [withIncluded(parsed.users), withIncluded(parsed.models)];
    return { name, ...parsed, users, models, detect, words: [...parsed.words, ...chosen.flatMap((set) => set.words)] };
  });
}
