import type { GatewayError } from "../../core/index.ts";
import type { StreamError } from "../../ir/index.ts";
import { isError } from "../answered-error.ts";
import { isObject } from "../fields.ts";
import { jsonValue } from "../json-text.ts";
import { isModeration } from "../moderation.ts";
import { plainMessage } from "../plain-message.ts";
import type { RenderedError, UpstreamError } from "../protocol.ts";
import type { WireError } from "./wire.ts";

/** The HTTP statuses of Google's canonical error words (google/rpc/code.proto; Gemini API troubleshooting page, November 2026). */
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

/** The word for a status; the first of those that share one. */
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

/** Anthropic's word for a server that is too busy; this dialect has 503. */
const overloadedStatus = 529;
const errorInfoType = "type.googleapis.com/google.rpc.ErrorInfo";
const retryInfoType = "type.googleapis.com/google.rpc.RetryInfo";
/**
 * Reads `{"error":{"code","message","status","details":[{"@type":…ErrorInfo,"reason"}]}}`, or an array with such an object first, which is how
 * `streamGenerateContent` fails. A key that the provider does not know comes as a 400; its status here is 401, as it speaks of the key.
 */
export function parseError(status: number, body: string): UpstreamError {
  const wire = jsonValue(body);
  const error = readErrorChunk(Array.isArray(wire) ? wire[0] : wire);
  if (error === undefined) return { status, message: plainMessage(status, body) };
  return { ...error, status: error.code === "API_KEY_INVALID" ? 401 : status };
}

/** Reads a chunk of a stream, or an answer, that is an error; `undefined` where it is none. */
export function readErrorChunk(wire: unknown): UpstreamError | undefined {
  const field = isObject(wire) ? wire["error"] : undefined;
  if (!isError(field)) return undefined;
  const error = isObject(field) ? field : { message: field };
  const { code, message, status: word } = error as { code?: unknown; message?: unknown; status?: unknown };
  const reason = readReason(error["details"]);
  const isStatus = typeof code === "number" && code >= 400 && code < 600;
  const text = typeof message === "string" && message !== "" ? message : "The provider reported an error without a message.";
  return {
    status: isStatus ? code : typeof word === "string" ? (statusByWord[word] ?? 500) : 500,
    message: text,
    ...(typeof word === "string" ? { type: word } : {}),
    ...(reason === undefined ? {} : { code: reason }),
    ...(isModeration(error, text) ? { isModeration: true } : {}),
  };
}

function readReason(details: unknown): string | undefined {
  if (!Array.isArray(details)) return undefined;
  const info: unknown = details.find((detail) => isObject(detail) && detail["@type"] === errorInfoType);
  const reason = isObject(info) ? info["reason"] : undefined;
  return typeof reason === "string" ? reason : undefined;
}

/** Renders the error in the vendor's shape; our code is the `reason`, and `RetryInfo` says how long to wait. */
export function renderError(error: GatewayError, requestId: string): RenderedError {
  const body = errorBody(error, requestId);
  return { status: body.error.code, body: JSON.stringify(body) };
}

/**
 * The chunk that ends a stream with an error, in ASCII, so that it is the same in any encoding. For the JSON array it is taken that the array has
 * begun and holds an element, as nothing fails in a stream before the head has gone out with the first of them.
 */
export function renderStreamError(error: GatewayError, requestId: string, client: { readonly jsonArray: boolean }): string {
  const json = asciiJson(errorBody(error, requestId));
  return client.jsonArray ? `,\r\n${json}\n]\n` : lastEvent(json);
}

/**
 * An error as the last event of a stream, and once more bare and without an end: @google/genai before 2.0 (and gemini-cli with it) takes an event with an
 * error for an empty answer, and only what is no event for a stream that broke, which it then asks for again. Others have stopped reading by then, or
 * ignore a line that nothing ends.
 */
function lastEvent(json: string): string {
  return `data: ${json}\r\n\r\n${json}`;
}

/** The same for an error that came down the stream itself; in the JSON array an element without what stands before and behind it. */
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

/** An upstream's own word is kept where it agrees with the status: `FAILED_PRECONDITION` says more than `INVALID_ARGUMENT`. */
function keptWord(word: string | undefined, status: number): string | undefined {
  return word !== undefined && statusByWord[word] === status ? word : undefined;
}

function wordOfStatus(status: number): string {
  return wordByStatus[status] ?? (status >= 500 ? "INTERNAL" : "INVALID_ARGUMENT");
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
