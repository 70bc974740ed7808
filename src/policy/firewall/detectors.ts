import { findEmails, findIps, findPhones } from "./contacts.ts";
import { findInjections } from "./injections.ts";
import { findNationalIds } from "./national-ids.ts";
import { findCards, findIbans } from "./payment.ts";
import { findSecrets } from "./secrets.ts";
import { merged, type Finder, type TextMatch } from "./text-match.ts";

/** The detectors that are built in, by the names that rules call them. */
export const detectors = {
  secret: findSecrets,
  email: findEmails,
  iban: findIbans,
  card: findCards,
  national_id: findNationalIds,
  phone: findPhones,
  ip: findIps,
  prompt_injection: findInjections,
} as const satisfies Record<string, Finder>;

export type DetectorName = keyof typeof detectors;

export const detectorNames = Object.keys(detectors) as readonly DetectorName[];

export interface NamedMatch extends TextMatch {
  /** The detector, as in `email`, or `pattern`, `word` for those of the configuration. */
  readonly kind: string;
}

export interface NamedFinder {
  readonly kind: string;
  readonly find: Finder;
}

/** What some detectors find, from left to right. Where two overlap, the one named first keeps its place: the order goes from the most certain to the least. */
export function findAll(finders: readonly NamedFinder[], text: string): readonly NamedMatch[] {
  let found: readonly NamedMatch[] = [];
  for (const { kind, find } of finders) {
    const more = find(text);
    if (more.length > 0)
      found = merged(
        found,
        more.map(({ start, end }) => ({ start, end, kind })),
      );
  }
  return found;
}
