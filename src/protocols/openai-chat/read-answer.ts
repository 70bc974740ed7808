import { elementsOf, parseLatin1, parseSpan, readString, scanDocument, scanObject, type Span, type Bytes } from "../../core/index.ts";
import { AnsweredError, isErrorAt } from "../answered-error.ts";
import { isObject } from "../fields.ts";
import { answeredError } from "../openai-shared/errors.ts";
import type { AnswerFacts, RouteCall, UpstreamError } from "../protocol.ts";
import { errorOfChoice } from "./choice-error.ts";
import { findUsage } from "./usage.ts";

const keys = ["id", "model", "usage", "service_tier", "error", "choices", "data"];

/**
 * Reads the facts of a completion or of embeddings, and parses only `usage`.
 * @throws GatewayError `invalid_json`, `upstream_invalid_response`; AnsweredError if the answer, or one of its choices, is an error.
 */
export function readAnswer(body: Bytes, call: RouteCall): AnswerFacts {
  const [idSpan, modelSpan, usageSpan, tierSpan, errorSpan, choices, data] = scanDocument(body, keys).spans;
  if (isErrorAt(body, errorSpan)) throw answeredError(parseLatin1(body));
  const content = call.route.operation === "generate" ? choices : data;
  if (!isArrayAt(body, content) && usageSpan === undefined) throw answeredError(parseLatin1(body));
  const failed = errorAmong(body, choices);
  if (failed !== undefined) throw new AnsweredError(failed);
  const facts: AnswerFacts = {};
  const id = readString(body, idSpan);
  const model = readString(body, modelSpan);
  const usage =
    usageSpan === undefined ? undefined : findUsage({ usage: parseSpan(body, usageSpan), service_tier: readString(body, tierSpan) });
  if (id !== undefined && id !== "") facts.id = id;
  if (model !== undefined && model !== "") facts.model = model;
  if (usage !== undefined) facts.usage = usage;
  return facts;
}

function isArrayAt(body: string, span: Span | undefined): boolean {
  return span !== undefined && body[span.start] === "[";
}

const choiceKeys = ["error", "finish_reason"];

/** The error of a choice; for most answers, one search shows that there is none. */
function errorAmong(body: string, choices: Span | undefined): UpstreamError | undefined {
  if (!body.includes('error"')) return undefined;
  for (const span of elementsOf(body, choices)) {
    if (body[span.start] !== "{") continue;
    const [error, reason] = scanObject(body, span.start, choiceKeys).spans;
    if (!isErrorAt(body, error) && readString(body, reason) !== "error") continue;
    const choice = parseSpan(body, span);
    const found = isObject(choice) ? errorOfChoice(choice) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
