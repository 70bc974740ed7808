import type { GatewayError } from "../../core/index.ts";
import type { StreamError } from "../../ir/index.ts";
import { isError } from "../shared/answered-error.ts";
import { isObject } from "../shared/fields.ts";
import { jsonValue } from "../shared/json-text.ts";
import { isModeration } from "../shared/moderation.ts";
import { plainMessage } from "../shared/plain-message.ts";
import { readQuotaDetails } from "../shared/quota-details.ts";
import type { RenderedError, UpstreamError } from "../protocol.ts";
import type { WireError } from "./wire.ts";

/** The HTTP status of each of Google's canonical error words (google/rpc/code.proto; Gemini API troubleshooting page, November 2026). */
const statusByWord: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ABORTED: 409,
  ALREADY_EXISTS: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  UNKNOWN: 500,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** The word for a status; if several words share a status, the first one. */
const wordByStatus: Readonly<Record<number, string>> = {
  ...Object.fromEntries(
    Object.entries(statusByWord)
      .toReversed()
      .map(([word, status]) => [status, word]),
  ),
  402: "RESOURCE_EXHAUSTED",
  408: "DEADLINE_EXCEEDED",
  502: "UNAVAILABLE",
};

/** Anthropic's status for a server that is too busy; this dialect uses 503. */
const overloadedStatus = 529;
const errorInfoType = "type.googleapis.com/google.rpc.ErrorInfo";
const retryInfoType = "type.googleapis.com/google.rpc.RetryInfo";
/**
 * Reads `{"error":{"code","message","status","details":[{"@type":…ErrorInfo,"reason"}]}}`, or an array whose first element is such an object, as
 * `streamGenerateContent` sends it. The provider answers an unknown key with 400; its status here is 401, as the error is about the key.
 */
export function parseError(status: number, body: string): UpstreamError {
  const wire = jsonValue(body);
  const error = readErrorChunk(Array.isArray(wire) ? wire[0] : wire);
  if (error === undefined) return { status, message: plainMessage(status, body) };
  return { ...error, status: error.code === "API_KEY_INVALID" ? 401 : status };
}

/** Reads a chunk of a stream, or an answer, that is an error; `undefined` if it is not an error. */
export function readErrorChunk(wire: unknown): UpstreamError | undefined {
  const field = isObject(wire) ? wire["error"] : undefined;
  if (!isError(field)) return undefined;
  const error = isObject(field) ? field : { message: field };
  const { code, message, status: word } = error as { code?: unknown; message?: unknown; status?: unknown };
  const reason = readReason(error["details"]);
  const isStatus = typeof code === "number" && code >= 400 && code < 600;
  const text = typeof message === "string" && message !== "" ? message : "The provider reported an error without a message.";
  return {
    status: isStatus ? code : ((typeof word === "string" ? statusByWord[word] : undefined) ?? 500),
    message: text,
    ...(typeof word === "string" ? { type: word } : {}),
    ...(reason === undefined ? {} : { code: reason }),
    ...(isModeration(error, text) ? { isModeration: true } : {}),
    ...readQuotaDetails(error["details"]),
  };
}

function readReason(details: unknown): string | undefined {
  if (!Array.isArray(details)) return undefined;
  const info: unknown = details.find((detail) => isObject(detail) && detail["@type"] === errorInfoType);
  const reason = isObject(info) ? info["reason"] : undefined;
  return typeof reason === "string" ? reason : undefined;
}

/** Renders the error in the vendor's shape: the gateway's code is the `reason`, and `RetryInfo` has the time to wait. */
export function renderError(error: GatewayError, requestId: string): RenderedError {
  const body = errorBody(error, requestId);
  return { status: body.error.code, body: JSON.stringify(body) };
}

/**
 * The chunk that ends a stream with an error, in ASCII, so that its bytes are the same in every encoding. The JSON array must have begun and contain
 * an element: the head is sent only with the first element, so a stream cannot fail before.
 */
export function renderStreamError(
  error: GatewayError,
  requestId: string,
  { jsonArray, isEmpty = false }: { readonly jsonArray: boolean; readonly isEmpty?: boolean },
): string {
  const json = asciiJson(errorBody(error, requestId));
  return jsonArray ? `${isEmpty ? "[" : ",\r\n"}${json}\n]\n` : lastEvent(json);
}

/**
 * An error as the last event of a stream, and a second time without `data:` and without an end. @google/genai before 2.0 (and gemini-cli with it)
 * reads an event with an error as an empty answer, and only text that is not an event as a broken stream, which it then requests again. Other clients
 * have stopped reading by then, or ignore an unfinished line.
 */
function lastEvent(json: string): string {
  return `data: ${json}\r\n\r\n${json}`;
}

/** The same for an error that came in the upstream's stream; in the JSON array, an element without the comma and brackets around it. */
export function encodeStreamError(error: StreamError, client: { readonly jsonArray: boolean }): string {
  const status = error.status === overloadedStatus ? 503 : error.status;
  const word = keptWord(error.type, status) ?? wordOfStatus(status);
  const info = { "@type": errorInfoType, reason: error.code ?? word, domain: "tokligence", metadata: {} } as const;
  const body: WireError = { error: { code: status, message: error.message, status: word, details: [info] } };
  const json = asciiJson(body);
  return client.jsonArray ? json : lastEvent(json);
}

function errorBody(error: GatewayError, requestId: string): WireError {
  const status = error.status === overloadedStatus ? 503 : error.status;
  const info = {
    "@type": errorInfoType,
    reason: error.code,
    domain: "tokligence",
    metadata: {
      request_id: requestId,
      ...(error.param === undefined ? {} : { param: error.param }),
      ...(error.upstreamCode === undefined ? {} : { upstream_code: error.upstreamCode }),
    },
  } as const;
  const retry =
    error.retryAfterSeconds === undefined ? [] : [{ "@type": retryInfoType, retryDelay: `${error.retryAfterSeconds}s` } as const];
  return {
    error: {
      code: status,
      message: error.message,
      status: keptWord(error.upstreamType, status) ?? wordOfStatus(status),
      details: [info, ...retry],
    },
  };
}

/** An upstream's own word is kept if it has the same status: `FAILED_PRECONDITION` says more than `INVALID_ARGUMENT`. */
function keptWord(word: string | undefined, status: number): string | undefined {
  return word !== undefined && statusByWord[word] === status ? word : undefined;
}

function wordOfStatus(status: number): string {
  return wordByStatus[status] ?? (status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT");
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
