import * as z from "zod";
import { Secret } from "../../../core/index.ts";
import { choice, duration, flag, integer, leaf, percent, secret, size, text, texts } from "../../../settings/index.ts";

const kinds = ["webhook", "presidio", "guard_model", "moderation"] as const;
export type ClassifierKind = (typeof kinds)[number];

/** These say of a text what it is, and not where: nothing can be masked by them. */
export const kindsWithoutPlaces: ReadonlySet<ClassifierKind> = new Set(["guard_model", "moderation"]);

const megabyte = 1024 * 1024;

export const classifierSchema = z
  .strictObject({
    kind: choice(
      "What answers: a webhook of your own, Presidio's analyzer, a guard model (Llama Guard and its like) behind a chat completion, or OpenAI's moderation.",
      kinds,
    ),
    url: leaf(z.url({ protocol: /^https?$/ }), {
      kind: "text",
      description: "The whole URL that texts are posted to.",
      allowed: "a URL of http or https, as in http://127.0.0.1:5002/analyze",
      sensitive: true,
      isUrl: true,
    }),
    api_key: secret("Sent as a bearer token; none if omitted.").optional(),
    model: text("The model that is asked; a guard model needs it.").optional(),
    language: text("The language of texts, for Presidio.").prefault("en"),
    categories: texts("What counts: Presidio's entities, or the categories of others. All if omitted.", "a list of names").prefault([]),
    min_score: percent("What is less certain does not count, for Presidio and moderation.").prefault("0%"),
    deadline: duration("How long all calls for one request, or one answer, may take.").prefault("3s"),
    on_error: choice("Without a judgement: closed refuses the request or its answer, open lets it pass.", ["closed", "open"]).prefault(
      "closed",
    ),
    streams: choice("hold: a stream waits for its end and the judgement. after: it passes, and is only observed.", [
      "hold",
      "after",
    ]).prefault("hold"),
    concurrency: integer("Calls at the same time; others wait, within their deadline.", 1, 1000).prefault(8),
    max_size: size("Text in one call; more is sent in several.", megabyte, "1MiB").prefault("32KiB"),
    remember: flag("Judgements stay in memory, so what a conversation repeats is not sent again.").prefault(true),
  })
  .describe("A classifier.")
  .check(({ value, issues }) => {
    if (value.kind === "guard_model" && value.model === undefined) {
      issues.push({ code: "custom", message: "a guard model with model", input: value, path: [] });
    }
  });

export interface ClassifierSettings {
  readonly name: string;
  readonly kind: ClassifierKind;
  readonly url: Secret;
  readonly apiKey: Secret | undefined;
  readonly model: string | undefined;
  readonly language: string;
  readonly categories: readonly string[];
  /** 0 to 1. */
  readonly minScore: number;
  readonly deadlineMs: number;
  readonly isOpenOnError: boolean;
  readonly holdsStreams: boolean;
  readonly concurrency: number;
  /** In UTF-16 units. */
  readonly maxLength: number;
  readonly remembers: boolean;
}

export function readClassifier(name: string, parsed: z.output<typeof classifierSchema>): ClassifierSettings {
  return {
    name,
    kind: parsed.kind,
    url: new Secret(parsed.url),
    apiKey: parsed.api_key === undefined ? undefined : new Secret(parsed.api_key),
    model: parsed.model,
    language: parsed.language,
    categories: parsed.categories,
    minScore: parsed.min_score,
    deadlineMs: parsed.deadline,
    isOpenOnError: parsed.on_error === "open",
    holdsStreams: parsed.streams === "hold",
    concurrency: parsed.concurrency,
    maxLength: parsed.max_size,
    remembers: parsed.remember,
  };
}
