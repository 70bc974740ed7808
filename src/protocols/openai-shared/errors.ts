import type { ErrorObject } from "openai/resources/shared";
import { errorKindOfStatus, GatewayError, type ErrorKind } from "../../core/index.ts";
import type { StreamError } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { jsonValue } from "../shared/json-text.ts";
import { isModeration } from "../shared/moderation.ts";
import { readQuotaDetails } from "../shared/quota-details.ts";
import { AnsweredError } from "../shared/answered-error.ts";
import type { RenderedError, UpstreamError } from "../protocol.ts";

/**
 * The type of an error of both OpenAI dialects: `{"error":{"message","type","param","code"}}`. Source: `ErrorObject` of the npm package `openai` 7.57
 * (resources/shared), and OpenAI's guide to error codes (developers.openai.com/api/docs/guides/error-codes, November 2026). There, a refused key is
 * an `invalid_request_error` with the code `invalid_api_key`, so it is one here.
 */
const typeOfKind: Readonly<Record<ErrorKind, string>> = {
  invalid_request: "invalid_request_error",
  authentication: "invalid_request_error",
  billing: "insufficient_quota",
  permission: "invalid_request_error",
  not_found: "invalid_request_error",
  too_large: "invalid_request_error",
  unsupported: "invalid_request_error",
  rate_limit: "rate_limit_error",
  overloaded: "server_error",
  timeout: "server_error",
  upstream: "server_error",
  internal: "server_error",
};

/** The status and body of an error answer. Anthropic's 529 is a 503 here. */
export function renderError(error: GatewayError): RenderedError {
  return { status: error.status === 529 ? 503 : error.status, body: JSON.stringify({ error: errorObject(error) }) };
}

/** The error object. The upstream's own type and code (or missing code) are kept. */
export function errorObject(error: GatewayError): ErrorObject {
  return {
    message: error.message,
    type: error.upstreamType ?? typeOfKind[error.kind],
    param: error.param ?? null,
    code: error.upstreamCode ?? (error.upstreamType === undefined ? codeOf(error) : null),
  };
}

/** Turns an error of the neutral stream into one that can be rendered. */
export function gatewayErrorOf(error: StreamError): GatewayError {
  return new GatewayError(error.status < 500 ? "invalid_request" : "upstream_error", error.message, {
    status: error.status,
    kind: errorKindOfStatus(error.status),
    ...(error.code === undefined ? {} : { upstreamCode: error.code }),
    ...(error.type === undefined ? {} : { upstreamType: error.type }),
  });
}

function codeOf(error: GatewayError): string {
  return error.code === "rate_limited" || error.code === "limit_reached" ? "rate_limit_exceeded" : error.code;
}

/**
 * Reads an upstream's error answer. Known shapes: `{"error":{…}}`, the same in an array (Google's OpenAI-compatible endpoint), `{"error":"…"}`,
 * `{"message":…}` (vLLM, Mistral), `{"detail":…}` (FastAPI). Any other text is the message itself; HTML is replaced by a fixed message.
 */
export function parseError(status: number, body: string): UpstreamError {
  const wire = jsonValue(body);
  const found = readErrorObject(wire);
  if (found !== undefined) return { ...found, status };
  const text = body.trim();
  if (text === "" || wire !== undefined || text.startsWith("<"))
    return { status, message: `The provider answered with status ${status} and no readable error.` };
  return { status, message: text };
}

/**
 * Reads the error in a value of the wire, with a status of its own, as a stream's head had status 200: a number in `code` or `status`, else by code
 * and type. `undefined`: it has no error.
 */
export function readErrorObject(wire: unknown): UpstreamError | undefined {
  const outer: unknown = Array.isArray(wire) ? wire[0] : wire;
  if (!isObject(outer)) return undefined;
  const inner = outer["error"];
  if (typeof inner === "string" && inner !== "") return fromFields(outer, inner);
  const error = isObject(inner) ? inner : outer;
  const message = error["message"] ?? error["detail"] ?? error["msg"];
  if (typeof message === "string" && message !== "") return fromFields(error, message);
  if (message === undefined && !isObject(inner)) return undefined;
  return fromFields(error, message === undefined ? "The provider reported an error without a message." : JSON.stringify(message));
}

/**
 * The error for an answer that has a status of success but not the field of its protocol (`choices`, `output`, `data`). @param whole the answer,
 * parsed.
 */
export function answeredError(whole: unknown): AnsweredError | GatewayError {
  const error = readErrorObject(whole);
  if (error !== undefined) return new AnsweredError(error);
  return new GatewayError("upstream_invalid_response", "The provider's answer contains neither an answer of its protocol nor an error.");
}

function fromFields(error: WireObject, message: string): UpstreamError {
  const { type, param } = error;
  const code = typeof error["code"] === "number" ? String(error["code"]) : error["code"];
  return {
    status: statusOf(error),
    message,
    ...(typeof type === "string" && type !== "" ? { type } : {}),
    ...(typeof code === "string" && code !== "" ? { code } : {}),
    ...(typeof param === "string" && param !== "" ? { param } : {}),
    ...(isModeration(error, message) ? { isModeration: true } : {}),
    ...readQuotaDetails(error["details"]),
  };
}

/** The status for the codes and types that vendors use in a stream; the first match wins. */
const statusByWord: readonly (readonly [RegExp, number])[] = [
  [/rate_?limit|too_many_requests|insufficient_quota|quota|resource_exhausted/, 429],
  [/overloaded|slow_down|unavailable|at_capacity/, 503],
  [/timeout|deadline/, 504],
  [/authentication|unauthorized|unauthenticated|api_key/, 401],
  [/permission|forbidden/, 403],
  [/not_?found/, 404],
  [/invalid|bad_?request|context_length|content_policy|content_filter|unsupported/, 400],
];

function statusOf(error: WireObject): number {
  for (const value of [error["code"], error["status"], error["status_code"]]) {
    const status = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
    if (typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599) return status;
  }
  for (const value of [error["code"], error["type"], error["status"]]) {
    if (typeof value !== "string") continue;
    const word = value.toLowerCase();
    // The code is read before the type: `invalid_request_error` is the type of many errors.
    const row = statusByWord.find(([pattern]) => pattern.test(word));
    if (row !== undefined) return row[1];
  }
  return 500;
}
