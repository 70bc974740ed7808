/**
 * The one table of coded errors. A code fixes the HTTP status and the kind; a client's protocol decides how it looks on the wire
 * (`Protocol.renderError`). Messages say what was wrong, where, and what to do; they hold no secret and no client content.
 */
export type ErrorKind =
  | "invalid_request"
  | "authentication"
  | "billing"
  | "permission"
  | "not_found"
  | "too_large"
  | "rate_limit"
  | "overloaded"
  | "timeout"
  | "unsupported"
  | "upstream"
  | "internal";

interface ErrorRow {
  readonly status: number;
  readonly kind: ErrorKind;
}

export const errorTable = {
  invalid_request: { status: 400, kind: "invalid_request" },
  invalid_json: { status: 400, kind: "invalid_request" },
  ambiguous_json: { status: 400, kind: "invalid_request" },
  invalid_path: { status: 400, kind: "invalid_request" },
  conflicting_credentials: { status: 400, kind: "invalid_request" },
  body_too_complex: { status: 400, kind: "invalid_request" },
  duplicate_tool_call: { status: 400, kind: "invalid_request" },
  work_mode_refused: { status: 400, kind: "invalid_request" },
  unsupported_content_encoding: { status: 415, kind: "invalid_request" },
  missing_api_key: { status: 401, kind: "authentication" },
  invalid_api_key: { status: 401, kind: "authentication" },
  expired_api_key: { status: 401, kind: "authentication" },
  // 402: the SDKs of the vendors send a 408, 409, 429 and 5xx again, and this would be refused again.
  budget_exceeded: { status: 402, kind: "billing" },
  model_not_allowed: { status: 403, kind: "permission" },
  admin_required: { status: 403, kind: "permission" },
  forbidden_origin: { status: 403, kind: "permission" },
  not_found: { status: 404, kind: "not_found" },
  not_served: { status: 404, kind: "not_found" },
  model_not_found: { status: 404, kind: "not_found" },
  response_not_found: { status: 404, kind: "not_found" },
  method_not_allowed: { status: 405, kind: "invalid_request" },
  request_timeout: { status: 408, kind: "timeout" },
  conflict: { status: 409, kind: "invalid_request" },
  body_too_large: { status: 413, kind: "too_large" },
  upgrade_required: { status: 426, kind: "invalid_request" },
  rate_limited: { status: 429, kind: "rate_limit" },
  internal_error: { status: 500, kind: "internal" },
  translation_unavailable: { status: 501, kind: "unsupported" },
  upstream_error: { status: 502, kind: "upstream" },
  upstream_unreachable: { status: 502, kind: "upstream" },
  upstream_invalid_response: { status: 502, kind: "upstream" },
  upstream_credentials_rejected: { status: 502, kind: "upstream" },
  upstream_truncated: { status: 502, kind: "upstream" },
  provider_unavailable: { status: 503, kind: "overloaded" },
  ledger_unavailable: { status: 503, kind: "overloaded" },
  shutting_down: { status: 503, kind: "overloaded" },
  upstream_timeout: { status: 504, kind: "timeout" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export interface GatewayErrorOptions {
  /** The field or parameter at fault, as the client spells it. */
  readonly param?: string;
  /** Overrides the table's status, e.g. to keep an upstream's 429 or 529. */
  readonly status?: number;
  readonly kind?: ErrorKind;
  /** An upstream's own machine-readable code, kept for clients that switch on it. */
  readonly upstreamCode?: string;
  readonly upstreamType?: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** An error that a client may see. Anything else that is thrown becomes `internal_error` at the edge and is logged. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly kind: ErrorKind;
  readonly param: string | undefined;
  readonly upstreamCode: string | undefined;
  readonly upstreamType: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GatewayError";
    this.code = code;
    this.status = options.status ?? errorTable[code].status;
    this.kind = options.kind ?? errorTable[code].kind;
    this.param = options.param;
    this.upstreamCode = options.upstreamCode;
    this.upstreamType = options.upstreamType;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** What a request gets that the end of the process would cut off, or that comes too late. */
export function shuttingDown(): GatewayError {
  return new GatewayError("shutting_down", "The gateway is shutting down. Send the request again.");
}

/** The kind that an HTTP status stands for; used to map an upstream's status. */
export function errorKindOfStatus(status: number): ErrorKind {
  if (status === 401) return "authentication";
  if (status === 403) return "permission";
  if (status === 404) return "not_found";
  if (status === 413) return "too_large";
  if (status === 429) return "rate_limit";
  if (status === 503 || status === 529) return "overloaded";
  if (status === 408 || status === 504) return "timeout";
  if (status === 501) return "unsupported";
  if (status === 502) return "upstream";
  if (status >= 500) return "internal";
  return "invalid_request";
}

/** What to print of a thrown value of unknown type. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
