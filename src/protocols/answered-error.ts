import type { Span } from "../core/index.ts";
import { isObject } from "./fields.ts";
import type { UpstreamError } from "./protocol.ts";

/** Thrown by whoever reads an answer that is an error, though its status says success. */
export class AnsweredError extends Error {
  readonly upstream: UpstreamError;

  constructor(upstream: UpstreamError) {
    super("The provider answered an error with a status of success.");
    this.name = "AnsweredError";
    this.upstream = upstream;
  }
}

/** Whether the field `error` of an answer holds one: an object, or words. Many servers send `"error":null` with every answer. */
export function isError(field: unknown): boolean {
  return isObject(field) || (typeof field === "string" && field !== "");
}

/** The same of a field that is not parsed yet. */
export function isErrorAt(text: string, span: Span | undefined): boolean {
  if (span === undefined) return false;
  const first = text[span.start];
  return first === "{" || (first === '"' && span.end - span.start > 2);
}
