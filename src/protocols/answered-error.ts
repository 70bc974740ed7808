import type { Span } from "../core/index.ts";
import { isObject } from "./fields.ts";
import type { UpstreamError } from "./protocol.ts";

/** Thrown by the readers of answers if an answer with a status of success is an error. */
export class AnsweredError extends Error {
  readonly upstream: UpstreamError;

  constructor(upstream: UpstreamError) {
    super("The provider answered an error with a status of success.");
    this.name = "AnsweredError";
    this.upstream = upstream;
  }
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
