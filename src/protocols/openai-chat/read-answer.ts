import { elementsOf, parseLatin1, parseSpan, readString, scanDocument, type Span, type Bytes } from "../../core/index.ts";
import { AnsweredError, isErrorAt } from "../shared/answered-error.ts";
import { isObject } from "../shared/fields.ts";
import { answeredError } from "../openai-shared/errors.ts";
import type { AnswerFacts, RouteCall, UpstreamError } from "../protocol.ts";
import { brokenEndOfChoice, errorOfChoice } from "./choice-error.ts";
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
  const facts: AnswerFacts = {};
  const id = readString(body, idSpan);
  const model = readString(body, modelSpan);
  const usage =
    usageSpan === undefined ? undefined : findUsage({ usage: parseSpan(body, usageSpan), service_tier: readString(body, tierSpan) });
  if (id !== undefined && id !== "") facts.id = id;
  if (model !== undefined && model !== "") facts.model = model;
  if (usage !== undefined) facts.usage = usage;
  if (body.includes('content_filter"') && isBlockedIn(body, choices)) facts.isBlocked = true;
  const failed = errorAmong(body, choices);
  if (failed === undefined) return facts;
  throw failed.isEnd ? new AnsweredError(failed.error, facts) : new AnsweredError(failed.error);
}

function isArrayAt(body: string, span: Span | undefined): boolean {
  return span !== undefined && body[span.start] === "[";
}

/** Whether a content filter ended all choices before they said anything. */
function isBlockedIn(body: string, choices: Span | undefined): boolean {
  const all = [...elementsOf(body, choices)].map((span) => parseSpan(body, span));
  return (
    all.length > 0 && all.every((choice) => isObject(choice) && choice["finish_reason"] === "content_filter" && isSilent(choice["message"]))
  );
}

function isSilent(message: unknown): boolean {
  if (!isObject(message)) return true;
  const { content, refusal, tool_calls: calls } = message;
  return (
    [content, refusal].every((text) => text === undefined || text === null || text === "") && !(Array.isArray(calls) && calls.length > 0)
  );
}

/** An end in other words than OpenAI's. */
const unusualEnd = /"finish_reason"\s*:\s*"(?!(?:stop|length|tool_calls|content_filter|function_call)")/;

/** The error of a choice, or of its finish reason; for most answers, two searches show that there is none. */
function errorAmong(body: string, choices: Span | undefined): { readonly error: UpstreamError; readonly isEnd: boolean } | undefined {
  if (!body.includes('error"') && !unusualEnd.test(body)) return undefined;
  for (const span of elementsOf(body, choices)) {
    const choice = parseSpan(body, span);
    if (!isObject(choice)) continue;
    const said = errorOfChoice(choice);
    const error = said ?? brokenEndOfChoice(choice);
    if (error !== undefined) return { error, isEnd: said === undefined };
  }
  return undefined;
}
