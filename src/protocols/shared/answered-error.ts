import type { Span } from "../../core/index.ts";
import type { ChatResponse } from "../../ir/index.ts";
import { isObject } from "./fields.ts";
import type { AnswerFacts, UpstreamError } from "../protocol.ts";

/** Thrown by the readers of answers if an answer with a status of success is an error. */
export class AnsweredError extends Error {
  readonly upstream: UpstreamError;
  /** Set if the answer was generated to its end, and is billed, although its end is an error. */
  readonly facts: AnswerFacts | undefined;

  constructor(upstream: UpstreamError, facts?: AnswerFacts) {
    super("The provider answered an error with a status of success.");
    this.name = "AnsweredError";
    this.upstream = upstream;
    this.facts = facts;
  }
}

/** The facts of an answer in the neutral form. */
export function answerFacts({ usage, model, id, rawStopReason, stopReason, content }: ChatResponse): AnswerFacts {
  const isBlocked = stopReason === "content-filter" && content.length === 0;
  return { usage, model, id, ...(rawStopReason === undefined ? {} : { stopReason: rawStopReason }), ...(isBlocked ? { isBlocked } : {}) };
}

/** Whether the field `error` of an answer contains an error: an object, or a text. Many servers send `"error":null` with every answer. */
export function isError(field: unknown): boolean {
  return isObject(field) || (typeof field === "string" && field !== "");
}

/** The same for a field that is not parsed yet. */
export function isErrorAt(text: string, span: Span | undefined): boolean {
  if (span === undefined) return false;
  const first = text[span.start];
  return first === "{" || (first === '"' && span.end - span.start > 2);
}
