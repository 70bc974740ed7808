import { maskGatewayKeys } from "./gateway-key.ts";
import { providerErrors } from "./provider-errors.ts";
import type { Refusal } from "./refusal.ts";
import { signInErrors } from "./sign-in-errors.ts";

/**
 * The kind of a coded error. A code (`errorTable`) determines the HTTP status and the kind; the client's protocol determines the form on the wire
 * (`Protocol.renderError`). A message says what was wrong, where, and what to do; it contains no secret and no client content.
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
  /** When the error is thrown, and what to do about it. `docs/errors.md` is generated from both. */
  readonly meaning: string;
  readonly remedy: string;
}

export const errorTable = {
  invalid_request: {
    status: 400,
    kind: "invalid_request",
    meaning: "A field of the request is missing, has the wrong type, or cannot be served.",
    remedy: "Correct the field that the message and `param` name.",
  },
  invalid_json: {
    status: 400,
    kind: "invalid_request",
    meaning: "The body is not valid JSON.",
    remedy: "Send one JSON object as the body.",
  },
  ambiguous_json: {
    status: 400,
    kind: "invalid_request",
    meaning: "The body names a key twice, or spells a key in a way that two parsers read differently.",
    remedy: "Send each key once, in plain letters.",
  },
  invalid_path: {
    status: 400,
    kind: "invalid_request",
    meaning: "The path is spelt in a way that two servers read differently (encoded slashes, dots, double slashes).",
    remedy: "Call the path as the documentation spells it.",
  },
  conflicting_credentials: {
    status: 400,
    kind: "invalid_request",
    meaning: "The request carries two keys that differ.",
    remedy: "Send one key, in one header.",
  },
  body_too_complex: {
    status: 400,
    kind: "invalid_request",
    meaning:
      "The body holds more values and names than `gateway.limits.values`, or more than 10,000 tools, and the gateway has to parse it; a body of the admin API holds more than 10,000, or an object more than 500,000 members.",
    remedy: "Send fewer members: shorter lists, fewer messages, smaller schemas. An operator can raise the limit.",
  },
  duplicate_tool_call: {
    status: 400,
    kind: "invalid_request",
    meaning: "The agent repeats one tool call and gets one result, more often than `guards.duplicate_tool_calls.refuse_at` allows.",
    remedy: "Stop the loop, or exempt the tool in the configuration.",
  },
  firewall_blocked: {
    status: 400,
    kind: "invalid_request",
    meaning: "The request contains what a rule of the firewall with `action: block` does not let out. Nothing of it was sent.",
    remedy: "Take it out of the request. `tokligence firewall test` shows what a rule finds.",
  },
  firewall_answer_blocked: {
    status: 400,
    kind: "invalid_request",
    meaning: "The answer contains what a rule of the firewall with `action: block` does not let through. A stream ends with it.",
    remedy: "Ask for something else, or change the rule. `tokligence firewall test` shows what a rule finds.",
  },
  firewall_unavailable: {
    status: 503,
    kind: "overloaded",
    meaning:
      "A classifier of the firewall failed or took too long, and its `on_error` is `closed`: nothing passes without its judgement. A stream ends with it.",
    remedy: "Try again soon. The log has the reason, and `tokligence firewall test` asks the classifier.",
  },
  work_mode_refused: {
    status: 400,
    kind: "invalid_request",
    meaning: "`gateway.work_mode` allows only forwarding, or only translating, and this request needs the other.",
    remedy: "Call the model in its provider's own dialect, or change the work mode.",
  },
  unsupported_content_encoding: {
    status: 415,
    kind: "invalid_request",
    meaning: "The body's `content-encoding` is not gzip, br, zstd or identity.",
    remedy: "Send the body in one of these encodings.",
  },
  missing_api_key: {
    status: 401,
    kind: "authentication",
    meaning: "The request carries no key.",
    remedy: "Send a key as `Authorization: Bearer`, `x-api-key`, `x-goog-api-key` or `?key=`.",
  },
  invalid_api_key: {
    status: 401,
    kind: "authentication",
    meaning: "The key does not exist or was revoked.",
    remedy: "Create a key with `tokligence apikey create USER`.",
  },
  expired_api_key: {
    status: 401,
    kind: "authentication",
    meaning: "The key has expired.",
    remedy: "Create a new key, or one without `--expires`.",
  },
  ...signInErrors,
  // The status is 402 because vendors' SDKs retry a 408, 409, 429 or 5xx, and the retry would be refused too.
  budget_exceeded: {
    status: 402,
    kind: "billing",
    meaning: "A budget of the user or the key has no room for what this request may cost.",
    remedy: "Wait for the next period, lower the request's output limit, or raise the budget.",
  },
  model_not_allowed: {
    status: 403,
    kind: "permission",
    meaning: "The key's model list does not allow this model.",
    remedy: "Use an allowed model, or a key that allows this one.",
  },
  admin_required: {
    status: 403,
    kind: "permission",
    meaning: "The route needs an admin's key.",
    remedy: "Use a key with the role `admin`.",
  },
  forbidden_origin: {
    status: 403,
    kind: "permission",
    meaning: "A web page of another origin called the gateway.",
    remedy: "Add the page's origin to `gateway.cors`.",
  },
  not_found: {
    status: 404,
    kind: "not_found",
    meaning: "There is no such route or object.",
    remedy: "Check the path and the id. The message names the nearest route if there is one.",
  },
  not_served: {
    status: 404,
    kind: "not_found",
    meaning: "The vendor has this route; the gateway does not serve it.",
    remedy: "See the list of routes in the README.",
  },
  model_not_found: {
    status: 404,
    kind: "not_found",
    meaning: "No enabled provider serves this model.",
    remedy: "Run `tokligence route explain MODEL`; it shows each step of the decision.",
  },
  response_not_found: {
    status: 404,
    kind: "not_found",
    meaning: "No stored response of this user has this id.",
    remedy: "Check the id. Responses are kept for `gateway.responses.lifetime`, and only with `store` on.",
  },
  method_not_allowed: {
    status: 405,
    kind: "invalid_request",
    meaning: "The route exists, but not with this method.",
    remedy: "Use a method that the `allow` header names.",
  },
  request_timeout: {
    status: 408,
    kind: "timeout",
    meaning: "The client's request made no progress for `gateway.timeouts.client`.",
    remedy: "Send the whole request without pauses.",
  },
  conflict: {
    status: 409,
    kind: "invalid_request",
    meaning: "An object with this name exists already, or its state does not allow the change.",
    remedy: "Choose another name, or read the object's state first.",
  },
  body_too_large: {
    status: 413,
    kind: "too_large",
    meaning: "The body is larger than `gateway.limits.body`, counted after inflating.",
    remedy: "Send less, or raise the limit.",
  },
  upgrade_required: {
    status: 426,
    kind: "invalid_request",
    meaning: "The client asked for a WebSocket or another protocol.",
    remedy: "Call the route with plain HTTP; SDKs and agents fall back by themselves.",
  },
  rate_limited: {
    status: 429,
    kind: "rate_limit",
    meaning: "The provider limits the rate of requests.",
    remedy: "Wait as long as `retry-after` says.",
  },
  limit_reached: {
    status: 429,
    kind: "rate_limit",
    meaning: "A limit of the key, its user, its tags, the model or the provider has no room for this request (`tokligence limit list`).",
    remedy: "Wait as long as `retry-after` says, as SDKs do by themselves. An admin can raise the limit.",
  },
  internal_error: {
    status: 500,
    kind: "internal",
    meaning: "The gateway failed. The log has the reason under the request id.",
    remedy: "Report it with the log's line.",
  },
  translation_unavailable: {
    status: 501,
    kind: "unsupported",
    meaning: "The operation exists only in the provider's own dialect and is not translated.",
    remedy: "Call the model in its provider's own dialect.",
  },
  upstream_error: {
    status: 502,
    kind: "upstream",
    meaning: "The provider answered with an error of its own.",
    remedy: "Read the message; the provider's status page says more.",
  },
  ...providerErrors,
  database_unavailable: {
    status: 503,
    kind: "overloaded",
    meaning: "The request needs the database, and the database is locked, does not answer, or its files were removed or replaced.",
    remedy: "Try again soon. An operator finds the reason in `/health` and the log.",
  },
  budget_unavailable: {
    status: 503,
    kind: "overloaded",
    meaning: "The request counts in a budget, and the database that has it is locked or does not answer.",
    remedy: "Try again soon. Keys without a budget are served meanwhile. An operator finds the reason in `/health` and the log.",
  },
  ledger_unavailable: {
    status: 503,
    kind: "overloaded",
    meaning: "The gateway cannot record usage at the moment, so it serves no requests.",
    remedy: "Check the disk and the log. The gateway recovers by itself.",
  },
  overloaded: {
    status: 503,
    kind: "overloaded",
    meaning:
      "The gateway is at one of its limits (connections, bodies in total, `limits.max_in_flight`), or has more work than it can do, or little memory.",
    remedy:
      "Send the request again after `Retry-After`. The operator can raise `gateway.limits` and `limits.max_in_flight`, or run more workers.",
  },
  shutting_down: {
    status: 503,
    kind: "overloaded",
    meaning: "The gateway is shutting down.",
    remedy: "Send the request again; a client behind a load balancer reaches another gateway.",
  },
  upstream_timeout: {
    status: 504,
    kind: "timeout",
    meaning: "The provider did not answer in time.",
    remedy: "Raise the timeout that the message names, or ask for less.",
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

export interface GatewayErrorOptions {
  /** The field or parameter at fault, as the client spells it. */
  readonly param?: string;
  /** Overrides the table's status, e.g. to keep an upstream's 429 or 529. */
  readonly status?: number;
  readonly kind?: ErrorKind;
  /** An upstream's own machine-readable code, kept for clients that branch on it. */
  readonly upstreamCode?: string;
  readonly upstreamType?: string;
  /** What the upstream said, if the client does not get it. Only for the log. */
  readonly upstreamMessage?: string;
  readonly retryAfterSeconds?: number;
  /** Set if an attempt at a provider failed with it. */
  readonly refusal?: Refusal;
  readonly cause?: unknown;
}

/** An error that a client may see. It never contains a gateway key. Any other thrown value becomes `internal_error` at the edge and is logged. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly kind: ErrorKind;
  readonly param: string | undefined;
  readonly upstreamCode: string | undefined;
  readonly upstreamType: string | undefined;
  readonly upstreamMessage: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly refusal: Refusal | undefined;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(maskGatewayKeys(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "GatewayError";
    this.code = code;
    this.status = options.status ?? errorTable[code].status;
    this.kind = options.kind ?? errorTable[code].kind;
    this.param = options.param === undefined ? undefined : maskGatewayKeys(options.param);
    this.upstreamCode = options.upstreamCode;
    this.upstreamType = options.upstreamType;
    this.upstreamMessage = options.upstreamMessage;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.refusal = options.refusal;
  }
}
