import * as z from "zod";
import type { NamedMatch } from "../detectors.ts";
import type { ClassifierKind, ClassifierSettings } from "./classifier-section.ts";
import { unitsOfCodePoints } from "./code-points.ts";
import { ClassifierError, isChosen, kindOf, type JudgedContext, type TextJudgement } from "./judgement.ts";

/** How a kind of classifier is asked, and what it answers. */
export interface ClassifierWire {
  /** Texts are judged together, as one conversation; others are judged each for itself. */
  readonly isJoined: boolean;
  /** The JSON of one call. */
  request(texts: readonly string[], settings: ClassifierSettings, context: JudgedContext): unknown;
  /** One judgement for each text; of joined texts, one for all. @throws ClassifierError, ZodError if the answer has another form. */
  read(answer: unknown, texts: readonly string[], settings: ClassifierSettings): readonly TextJudgement[];
}

const place = z.object({ start: z.int().min(0), end: z.int().min(0), type: z.string().min(1) });
const webhookAnswer = z.object({
  results: z.array(
    z.object({
      spans: z.array(place).optional(),
      flagged: z.boolean().optional(),
      categories: z.array(z.string().min(1)).optional(),
    }),
  ),
});

/** The form of this project's own, described in docs/firewall.md. */
const webhook: ClassifierWire = {
  isJoined: false,
  request: (texts, { name }, { requestId, direction, user, model }) => ({
    version: 1,
    classifier: name,
    request_id: requestId,
    direction,
    user,
    model,
    texts,
  }),
  read(answer, texts, { categories: chosen }) {
    const { results } = webhookAnswer.parse(answer);
    return results.map(({ spans = [], categories = [], flagged = categories.length > 0 }, at) => {
      const text = texts[at] ?? "";
      const named = categories.filter((name) => isChosen(name, chosen));
      if (spans.length > 0) return { places: placesOf(text, spans, chosen), categories: named.map(kindOf) };
      if (!flagged || (categories.length > 0 && named.length === 0)) return { places: [], categories: [] };
      // Without places, it is the whole text.
      return { places: [{ start: 0, end: text.length, kind: kindOf(named[0] ?? "flagged") }], categories: named.slice(1).map(kindOf) };
    });
  },
};

const presidioAnswer = z.array(
  z.array(z.object({ entity_type: z.string().min(1), start: z.int().min(0), end: z.int().min(0), score: z.number() })),
);

/** Presidio's analyzer: github.com/microsoft/presidio, presidio-analyzer/app.py; a list of texts is answered by a list of lists. */
const presidio: ClassifierWire = {
  isJoined: false,
  request: (texts, { language, categories, minScore }, { requestId }) => ({
    text: texts,
    language,
    correlation_id: requestId,
    ...(categories.length === 0 ? {} : { entities: categories }),
    ...(minScore === 0 ? {} : { score_threshold: minScore }),
  }),
  read: (answer, texts, { categories, minScore }) =>
    presidioAnswer.parse(answer).map((found, at) => ({
      places: placesOf(
        texts[at] ?? "",
        found.filter(({ score }) => score >= minScore).map(({ entity_type: type, start, end, score }) => ({ start, end, type, score })),
        categories,
      ),
      categories: [],
    })),
};

const completion = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1) });
const verdict = /^\s*(?:safety:\s*)?(safe|unsafe|controversial|yes|no)\b[^\n]*(?:\n+(?:categories:\s*)?([^\n]*))?/i;

/**
 * Llama Guard (`safe`, or `unsafe` and a line of categories), and models that answer alike: Qwen3Guard with names before both, ShieldGemma and Granite Guardian with `Yes`
 * (it violates) or `No`.
 */
const guardModel: ClassifierWire = {
  isJoined: true,
  request: (texts, { model }, { direction, prompt = "" }) => {
    const content = texts.join("\n\n");
    const asked = direction === "answer" ? [{ role: "user", content: prompt === "" ? "Go on." : prompt }] : [];
    const messages = [...asked, { role: direction === "answer" ? "assistant" : "user", content }];
    return { model, messages, temperature: 0, max_tokens: 64, stream: false };
  },
  read(answer, _texts, { categories: chosen }) {
    const [, word = "", line = ""] = verdict.exec(completion.parse(answer).choices[0]!.message.content) ?? [];
    if (word === "") throw new ClassifierError("answered neither safe nor unsafe");
    if (/^(?:safe|no)$/i.test(word)) return [{ places: [], categories: [] }];
    const named = line.split(",").map((each) => each.trim());
    const known = named.filter((each) => each !== "" && !/^none$/i.test(each));
    if (known.length === 0) return [{ places: [], categories: ["unsafe"] }];
    return [{ places: [], categories: known.filter((each) => isChosen(each, chosen)).map(kindOf) }];
  },
};

const moderationAnswer = z.object({
  results: z.array(
    z.object({ categories: z.record(z.string(), z.boolean().nullable()), category_scores: z.record(z.string(), z.number()) }),
  ),
});

/** OpenAI's moderation endpoint: `POST /v1/moderations`. */
const moderation: ClassifierWire = {
  isJoined: false,
  request: (texts, { model = "omni-moderation-latest" }) => ({ model, input: texts }),
  read: (answer, _texts, { categories: chosen, minScore }) =>
    moderationAnswer.parse(answer).results.map(({ categories, category_scores: scores }) => {
      const found = minScore === 0 ? Object.keys(categories).filter((name) => categories[name] === true) : scored(scores, minScore);
      return { places: [], categories: found.filter((name) => isChosen(name, chosen)).map(kindOf) };
    }),
};

const scored = (scores: Readonly<Record<string, number>>, least: number): readonly string[] =>
  Object.keys(scores).filter((name) => scores[name]! >= least);

export const wires = { webhook, presidio, guard_model: guardModel, moderation } as const satisfies Record<ClassifierKind, ClassifierWire>;

interface GivenPlace {
  readonly start: number;
  readonly end: number;
  readonly type: string;
  readonly score?: number;
}

/**
 * Places in code points, in any order, as matches. Those that overlap become one, of the kind of the most certain, or else of the longest: no part of them stays.
 * @throws ClassifierError if a place is not in the text: then the classifier counts otherwise, and its other places may be wrong as well.
 */
function placesOf(text: string, given: readonly GivenPlace[], chosen: readonly string[]): readonly NamedMatch[] {
  const counted = given.filter(({ type }) => isChosen(type, chosen));
  const units = unitsOfCodePoints(
    text,
    counted.flatMap(({ start, end }) => [start, end]),
  );
  if (counted.some(({ start, end }) => start >= end) || units.includes(-1))
    throw new ClassifierError("named a place that is empty or not in the text (places count Unicode code points)");
  const matches = counted
    .map(({ type, score = 1 }, at) => ({ start: units[2 * at]!, end: units[2 * at + 1]!, kind: kindOf(type), score, length: 0 }))
    .toSorted((one, other) => one.start - other.start);
  const kept: (typeof matches)[number][] = [];
  for (const match of matches) {
    const own = { ...match, length: match.end - match.start };
    const last = kept.at(-1);
    if (last === undefined || last.end <= own.start) {
      kept.push(own);
      continue;
    }
    const isBetter = own.score > last.score || (own.score === last.score && own.length > last.length);
    kept[kept.length - 1] = { ...(isBetter ? own : last), start: last.start, end: Math.max(last.end, own.end) };
  }
  return kept.map(({ start, end, kind }) => ({ start, end, kind }));
}
