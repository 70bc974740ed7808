import type { DetectorName } from "./detectors.ts";

/** A ready-made part of a rule: what it finds, without what is done then. */
export interface RuleSet {
  readonly description: string;
  readonly detect: readonly DetectorName[];
  readonly words: readonly string[];
}

/** The ready-made sets, by the names that rules and `tokligence firewall test --set` call them. None is in use until a rule names it. */
export const ruleSets = {
  secrets: { description: "keys of vendors, tokens and private keys", detect: ["secret"], words: [] },
  "personal-data": {
    description: "addresses of e-mail, telephone numbers, national ids, accounts and cards",
    detect: ["email", "phone", "national_id", "iban", "card"],
    words: [],
  },
  payment: { description: "numbers of cards and bank accounts", detect: ["card", "iban"], words: [] },
  network: { description: "internet addresses", detect: ["ip"], words: [] },
  "prompt-injection": { description: "phrases by which texts try to command the model", detect: ["prompt_injection"], words: [] },
  confidential: {
    description: "marks of documents that are not to leave a company, in seven languages",
    detect: [],
    words: [
      "company confidential",
      "strictly confidential",
      "confidential - internal",
      "internal use only",
      "for internal use only",
      "not for distribution",
      "do not distribute",
      "attorney-client privileged",
      "trade secret",
      "streng vertraulich",
      "nur für den internen gebrauch",
      "strictement confidentiel",
      "usage interne uniquement",
      "estrictamente confidencial",
      "solo para uso interno",
      "strettamente riservato",
      "solo per uso interno",
      "estritamente confidencial",
      "apenas para uso interno",
      "strikt vertrouwelijk",
      "alleen voor intern gebruik",
    ],
  },
} as const satisfies Record<string, RuleSet>;

export type RuleSetName = keyof typeof ruleSets;

export const ruleSetNames = Object.keys(ruleSets) as readonly RuleSetName[];

export function isRuleSet(name: string): name is RuleSetName {
  return Object.hasOwn(ruleSets, name);
}
