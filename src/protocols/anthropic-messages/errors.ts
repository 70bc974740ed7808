import { GatewayError, type ErrorKind } from "../../core/index.ts";
import type { StreamError } from "../../ir/index.ts";
import { AnsweredError } from "../shared/answered-error.ts";
import { isObject } from "../shared/fields.ts";
import { jsonObject } from "../shared/json-text.ts";
import { isModeration } from "../shared/moderation.ts";
import { plainMessage } from "../shared/plain-message.ts";
import type { RenderedError, UpstreamError } from "../protocol.ts";
import type { WireError } from "./wire.ts";

/** The status of each error type of the vendor (Anthropic API reference, "Errors"; SDK 1.12 `ErrorType`; November 2026). */
const statusByType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

const typeByKind: Readonly<Record<ErrorKind, string>> = {
  invalid_request: "invalid_request_error",
  authentication: "authentication_error",
  billing: "billing_error",
  permission: "permission_error",
  not_found: "not_found_error",
  too_large: "request_too_large",
  rate_limit: "rate_limit_error",
  overloaded: "overloaded_error",
  timeout: "timeout_error",
  unsupported: "api_error",
  upstream: "api_error",
  internal: "api_error",
};

/**
 * Reads `{"type":"error","error":{"type","message","details":{"error_code"}},"request_id"}`. From any other body, short plain text becomes the
 * message; markup does not.
 */
export function parseError(status: number, body: string): UpstreamError {
  const error = readErrorObject(body);
  if (error === undefined) return { status, message: plainMessage(status, body) };
  return { status, ...error };
}

/** Reads the data of `event: error` (text). The status follows from the error's type. */
export function parseStreamError(data: string): UpstreamError {
  const error = readErrorObject(data);
  if (error === undefined) return { status: 502, message: plainMessage(502, data) };
  return { status: statusByType[error.type ?? ""] ?? 500, ...error };
}

/** What to throw for a body that came with a status of success and is an error, or no answer at all. `body` is text. */
export function answeredError(body: string): AnsweredError | GatewayError {
  return readErrorObject(body) === undefined
    ? new GatewayError("upstream_invalid_response", "The provider's answer is neither one of the Anthropic protocol nor an error.")
    : new AnsweredError(parseStreamError(body));
}

/** The vendor's form; or `{"error":"…"}`, `{"message"}`, `{"detail"}`, as other servers of the protocol and the proxies in front of them answer. */
function readErrorObject(body: string): Omit<UpstreamError, "status"> | undefined {
  const wire = jsonObject(body);
  if (wire === undefined) return undefined;
  const inner = wire["error"];
  const error = isObject(inner) ? inner : wire;
  const message = [error["message"], typeof inner === "string" ? inner : undefined, wire["message"], wire["detail"]].find(
    (text): text is string => typeof text === "string" && text !== "",
  );
  if (message === undefined && !isObject(inner)) return undefined;
  const { type, details } = error as { type?: unknown; details?: unknown };
  const code = isObject(details) ? details["error_code"] : undefined;
  return {
    message: message ?? "The provider reported an error without a message.",
    ...(typeof type === "string" && type !== "error" ? { type } : {}),
    ...(typeof code === "string" ? { code } : {}),
    ...(isModeration(error, message ?? "") ? { isModeration: true } : {}),
  };
}

/** Renders the error in the vendor's shape. `request_id` is the gateway's own. */
export function renderError(error: GatewayError, requestId: string): RenderedError {
  return { status: error.status, body: JSON.stringify(errorBody(error, requestId)) };
}

/** The event that ends a stream with an error. All characters are ASCII, so its bytes are the same in every encoding. */
export function renderStreamError(error: GatewayError, requestId: string): string {
  return `event: error\ndata: ${asciiJson(errorBody(error, requestId))}\n\n`;
}

/** The same event, for an error that came in the upstream's stream. */
export function encodeStreamError(error: StreamError): string {
  const type = error.type !== undefined && statusByType[error.type] !== undefined ? error.type : typeOfStatus(error.status);
  return `event: error\ndata: ${asciiJson(wireError(type, error.message, error.code ?? type, null))}\n\n`;
}

function errorBody(error: GatewayError, requestId: string): WireError {
  return wireError(typeOf(error), error.message, error.upstreamCode ?? error.code, requestId);
}

/** Clients of version 2026-10-21 read `details.error_code` to decide what to do; older clients ignore it. */
function wireError(type: string, message: string, errorCode: string, requestId: string | null): WireError {
  return { type: "error", error: { type, message, details: { error_code: errorCode } }, request_id: requestId };
}

/**
 * The upstream's own type is kept only if it agrees with the status: a key that the upstream refused is not an `authentication_error` of the client.
 */
function typeOf(error: GatewayError): string {
  const { upstreamType } = error;
  if (upstreamType !== undefined && statusByType[upstreamType] === error.status) return upstreamType;
  if (error.status === 402) return "billing_error";
  if (error.status === 409) return "conflict_error";
  return typeByKind[error.kind];
}

function typeOfStatus(status: number): string {
  const exact = Object.keys(statusByType).find((type) => statusByType[type] === status);
  if (exact !== undefined) return exact;
  if (status === 503) return "overloaded_error";
  if (status === 408) return "timeout_error";
  return status >= 500 ? "api_error" : "invalid_request_error";
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
