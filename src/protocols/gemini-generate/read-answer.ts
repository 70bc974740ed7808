import { isFilteredAway } from "./stop-reason.ts";
import {
  elementsOf,
  GatewayError,
  memberIn,
  parseLatin1,
  parseSpan,
  readString,
  scanDocument,
  scanObject,
  skipSpace,
  type Span,
  type Bytes,
} from "../../core/index.ts";
import { AnsweredError, isErrorAt } from "../shared/answered-error.ts";
import { brokenEnd, isBrokenEnd } from "../shared/broken-end.ts";
import { compact } from "../shared/fields.ts";
import type { AnswerFacts, RouteCall, UpstreamError } from "../protocol.ts";
import { readErrorChunk } from "./errors.ts";
import { hasToolCalls, noUsage, readToolCalls, readUsage, withToolCalls } from "./usage.ts";

const keys = ["usageMetadata", "modelVersion", "responseId", "candidates", "error", "promptFeedback"] as const;
const finishKeys = ["finishReason", "finishMessage"] as const;

/**
 * Reads the facts of a `generateContent` or embedding answer, and parses only those values. The stop reason is that of the first candidate. A token
 * count and a list of models have no facts.
 * @throws GatewayError `invalid_json` (the tap reads the array form of a stream), `upstream_invalid_response`; AnsweredError if the answer is an
 * error.
 */
export function readAnswer(body: Bytes, call: RouteCall): AnswerFacts {
  const [usageSpan, modelSpan, idSpan, candidates, errorSpan, feedback] = scanDocument(body, keys).spans;
  const { operation } = call.route;
  const error = isErrorAt(body, errorSpan) ? readErrorChunk(parseLatin1(body)) : undefined;
  if (error !== undefined) throw new AnsweredError(error);
  const blocked = candidates === undefined ? readString(body, memberIn(body, feedback, "blockReason")) : undefined;
  if (operation === "generate" && candidates === undefined && blocked === undefined && usageSpan === undefined)
    throw new GatewayError("upstream_invalid_response", "The provider's answer is neither one of the Gemini protocol nor an error.");
  if (operation !== "generate" && operation !== "embed" && operation !== "batch-embed") return {};
  const calls = candidates !== undefined && hasToolCalls(body, candidates.start) ? readToolCalls(parseSpan(body, candidates)) : undefined;
  const usage = withToolCalls(usageSpan === undefined ? undefined : readUsage(parseSpan(body, usageSpan)), calls);
  const model = readString(body, modelSpan);
  const id = readString(body, idSpan);
  const stopReason = blocked ?? readString(body, finishSpan(body, candidates));
  const broken = brokenAmong(body, candidates);
  const isBlocked = blocked !== undefined || isFilteredIn(body, candidates) ? (true as const) : undefined;
  return compact({ usage: usage ?? (blocked === undefined ? undefined : noUsage), model, id, stopReason, broken, isBlocked });
}

function finishSpan(body: string, candidates: Span | undefined): Span | undefined {
  if (candidates === undefined || body[candidates.start] !== "[") return undefined;
  const first = skipSpace(body, candidates.start + 1);
  return body[first] === "{" ? scanObject(body, first, finishKeys).spans[0] : undefined;
}

const unusualEnd = /"finishReason"\s*:\s*"(?!(?:STOP|MAX_TOKENS)")/;

/** Whether a content filter ended all candidates before they said anything. */
function isFilteredIn(body: string, candidates: Span | undefined): boolean {
  if (!unusualEnd.test(body)) return false;
  const all = [...elementsOf(body, candidates)].map((span) => parseSpan(body, span));
  return all.length > 0 && all.every(isFilteredAway);
}

/** The error that the end of a candidate is. */
function brokenAmong(body: string, candidates: Span | undefined): UpstreamError | undefined {
  if (!unusualEnd.test(body)) return undefined;
  for (const { start } of elementsOf(body, candidates)) {
    const [reasonSpan, message] = body[start] === "{" ? scanObject(body, start, finishKeys).spans : [];
    const reason = readString(body, reasonSpan);
    if (reason !== undefined && isBrokenEnd(reason)) return brokenEnd(reason, readString(body, message));
  }
  return undefined;
}
