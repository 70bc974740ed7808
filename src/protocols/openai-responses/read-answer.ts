import { parseLatin1, parseSpan, readString, scanDocument, scanObject, type ScannedObject, type Bytes } from "../../core/index.ts";
import { AnsweredError, isError, isErrorAt } from "../shared/answered-error.ts";
import { isBrokenEnd } from "../shared/broken-end.ts";
import { isObject } from "../shared/fields.ts";
import { answeredError } from "../openai-shared/errors.ts";
import type { AnswerFacts, Operation, RouteCall } from "../protocol.ts";
import { brokenResponse } from "./answer-end.ts";
import type { Usage } from "../../ir/index.ts";
import { itemsWithCalls } from "./server-calls.ts";
import { usageOf } from "./usage.ts";

const keys = ["id", "model", "usage", "status", "incomplete_details", "service_tier", "error", "output", "data", "tool_usage", "tools"];

/**
 * Reads the facts of a JSON answer, and parses only `usage` and the reason of an early end. A stored response that failed is not an error of the call
 * that reads it.
 * @throws GatewayError `invalid_json`, `upstream_invalid_response`; AnsweredError if the answer is an error, or the response failed.
 */
export function readAnswer(body: Bytes, call: RouteCall): AnswerFacts {
  const scanned = scanDocument(body, keys);
  const [, , usageSpan, statusSpan, , , errorSpan, output, data] = scanned.spans;
  const { operation } = call.route;
  const hasError = isErrorAt(body, errorSpan);
  const hasAnswer = (operation === "embed" ? data : (output ?? statusSpan)) !== undefined || usageSpan !== undefined;
  if (!isBilled(operation)) {
    if (hasError && output === undefined) throw answeredError(parseLatin1(body));
    return readFacts(body, scanned);
  }
  const facts = readFacts(body, scanned);
  if (hasError || !hasAnswer || facts.stopReason === "failed" || isBrokenEnd(facts.stopReason ?? ""))
    throw failureOf(parseLatin1(body), facts);
  return facts;
}

/** An answer that is an error; with its facts if it was generated to an end that is the error. */
function failureOf(wire: unknown, facts: AnswerFacts): Error {
  const broken = isObject(wire) && wire["output"] !== undefined ? brokenResponse(wire) : undefined;
  if (broken === undefined) return answeredError(wire);
  return isObject(wire) && isError(wire["error"]) ? new AnsweredError(broken) : new AnsweredError(broken, facts);
}

/** Reads the facts of the response object that opens at `open`, inside an event. @throws GatewayError `invalid_json`. */
export function readResponseFacts(text: string, open: number): AnswerFacts {
  return readFacts(text, scanObject(text, open, keys));
}

function isBilled(operation: Operation): boolean {
  return operation === "generate" || operation === "embed";
}

function readFacts(text: string, { spans }: ScannedObject): AnswerFacts {
  const [idSpan, modelSpan, usageSpan, statusSpan, detailsSpan, , , outputSpan] = spans;
  const facts: AnswerFacts = {};
  const id = readString(text, idSpan);
  const model = readString(text, modelSpan);
  const usage = usageSpan === undefined ? undefined : readUsage(text, spans, itemsWithCalls(text, outputSpan));
  const status = readString(text, statusSpan);
  const details = detailsSpan === undefined ? undefined : parseSpan(text, detailsSpan);
  if (id !== undefined && id !== "") facts.id = id;
  if (model !== undefined && model !== "") facts.model = model;
  if (usage !== undefined) facts.usage = usage;
  // The vendor has no single field for it: it is the status, or what made the response incomplete.
  const reason = isObject(details) && typeof details["reason"] === "string" ? details["reason"] : status;
  if (reason !== undefined && reason !== "in_progress" && reason !== "queued") facts.stopReason = reason;
  if (reason === "content_filter" && outputSpan !== undefined && isSilent(parseSpan(text, outputSpan))) facts.isBlocked = true;
  return facts;
}

/** The items of an output that say nothing. */
function isSilent(output: unknown): boolean {
  const isEmpty = (part: unknown): boolean => isObject(part) && (part["text"] === "" || part["refusal"] === "");
  return (
    Array.isArray(output) &&
    output.every((item) => {
      if (!isObject(item) || item["type"] !== "message") return isObject(item) && item["type"] === "reasoning";
      return Array.isArray(item["content"]) && item["content"].every(isEmpty);
    })
  );
}

function readUsage(text: string, spans: ScannedObject["spans"], items: readonly unknown[] | undefined): Usage | undefined {
  const [, , usage, , , tier, , , , toolUsage, tools] = spans;
  const wire = { usage: parseSpan(text, usage!), service_tier: readString(text, tier) };
  if (items === undefined && toolUsage === undefined) return usageOf(wire);
  const tool_usage = toolUsage === undefined ? undefined : parseSpan(text, toolUsage);
  const hasImages = toolUsage !== undefined && tools !== undefined && text.startsWith("[", tools.start);
  return usageOf({ ...wire, output: items, tool_usage, ...(hasImages ? { tools: parseSpan(text, tools) } : {}) });
}
