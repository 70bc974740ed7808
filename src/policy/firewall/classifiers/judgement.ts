import type { NamedMatch } from "../detectors.ts";

/** What a classifier says of one text. */
export interface TextJudgement {
  /** In order, without overlaps. */
  readonly places: readonly NamedMatch[];
  /** What the text is, without a place. */
  readonly categories: readonly string[];
}

export const nothingFound: TextJudgement = { places: [], categories: [] };

/** What a classifier is asked about, beside the texts. */
export interface JudgedContext {
  readonly requestId: string;
  readonly direction: "request" | "answer";
  readonly user: string;
  readonly model: string;
  /** Of an answer: the end of what was asked. */
  readonly prompt?: string | undefined;
}

/** There is no judgement. The message is the end of a sentence that begins with the classifier: `answered 500`. */
export class ClassifierError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ClassifierError";
  }
}

/** Of a longer name the rest is left out. */
const maxName = 40;

/** A word for what was found, as findings and placeholders have it: `EMAIL_ADDRESS` is `email_address`, `self-harm/intent` is `self_harm_intent`. */
export function kindOf(name: string): string {
  const kind = name
    .slice(0, maxName)
    .toLowerCase()
    .split(/[^a-z\d]/)
    .filter((part) => part !== "")
    .join("_");
  return kind === "" ? "flagged" : kind;
}

/** Whether a category counts. None named: all do. */
export function isChosen(name: string, chosen: readonly string[]): boolean {
  return chosen.length === 0 || chosen.some((each) => kindOf(each) === kindOf(name));
}
