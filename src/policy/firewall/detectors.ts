import { emails, ips, phones } from "./contacts.ts";
import { injections } from "./injections.ts";
import { nationalIds } from "./national-ids.ts";
import { cards, ibans } from "./payment.ts";
import { secrets } from "./secrets.ts";
import { merged, type Candidates, type Detector, type TextMatch } from "./text-match.ts";

/** The detectors that are built in, by the names that rules call them. */
export const detectors = {
  secret: secrets,
  email: emails,
  iban: ibans,
  card: cards,
  national_id: nationalIds,
  phone: phones,
  ip: ips,
  prompt_injection: injections,
} as const satisfies Record<string, Detector>;

export type DetectorName = keyof typeof detectors;

export const detectorNames = Object.keys(detectors) as readonly DetectorName[];

export interface NamedMatch extends TextMatch {
  /** The detector, as in `email`, or `pattern`, `word` for those of the configuration. */
  readonly kind: string;
}

export interface NamedDetector {
  readonly kind: string;
  readonly detector: Detector;
}

/** What some detectors find, from left to right. Where two overlap, the one named first keeps its place: the order goes from the most certain to the least. */
export function findAll(all: readonly NamedDetector[], text: string, candidates: Candidates, from = 0): readonly NamedMatch[] {
  let found: readonly NamedMatch[] = [];
  for (const { kind, detector } of all) {
    const more = detector.find(text, candidates, from);
    if (more.length > 0) {
      found = merged(
        found,
        more.map(({ start, end }) => ({ start, end, kind })),
      );
    }
  }
  return found;
}
