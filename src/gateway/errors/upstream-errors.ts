import {
  errorKindOfStatus,
  GatewayError,
  messageOf,
  type ErrorCode,
  type GatewayErrorOptions,
  type Refusal,
  type RefusalKind,
} from "../../core/index.ts";
import { AnsweredError, refusalOf, type UpstreamError } from "../../protocols/index.ts";
import type { Provider, Redactor, UpstreamFailure } from "../../upstream/index.ts";

/** Types, codes and names of parameters are words; a longer one is cut. */
const maxWordLength = 200;

/**
 * An upstream's error as the client sees it. The status is kept, but for errors about the operator's key or account, which become 502; a moderation's
 * 403 speaks of what the client sent. The words are the upstream's: they go nowhere before `withoutSecrets`.
 * `foreign`: the upstream speaks another protocol, whose own words for types and parameters the client does not know. `waitMs`: as its headers say.
 */
export function errorOfUpstream(
  error: UpstreamError,
  provider: Provider,
  { foreign, waitMs }: { readonly foreign: boolean; readonly waitMs?: number | undefined },
): GatewayError {
  const refusal = refusalOf(error, waitMs);
  const { kind } = refusal;
  if (kind === "credential" || kind === "quota") return aboutAccount(error, provider, refusal);
  const status = statusFor(kind, error.status);
  const code = status === 502 && isOwnCode(error.code) ? error.code : codeOfStatus(status);
  return new GatewayError(code, error.message, {
    status,
    kind: kind === "filtered" ? "invalid_request" : errorKindOfStatus(status),
    refusal,
    ...(error.code === undefined ? {} : { upstreamCode: error.code }),
    ...(error.type === undefined || foreign ? {} : { upstreamType: error.type }),
    ...(error.param === undefined || foreign ? {} : { param: error.param }),
    ...(refusal.waitMs === undefined ? {} : { retryAfterSeconds: retryAfterSeconds(refusal.waitMs) }),
    // The client gets the message about its own mistake; the log does not, as the words may quote the request.
    ...(code === "invalid_request" ? {} : { upstreamMessage: error.message }),
  });
}

/** A reader of the gateway's own has given up on the answer; the client sees this code too. */
function isOwnCode(code: string | undefined): code is "upstream_invalid_response" | "upstream_truncated" {
  return code === "upstream_invalid_response" || code === "upstream_truncated";
}

/** An upstream's word is more exact than its status. */
function statusFor(kind: RefusalKind, status: number): number {
  if (kind === "throttled") return 429;
  return kind === "overloaded" && status < 500 ? 503 : status;
}

/** The upstream's words are about the operator's account: they go to the log, not to the client. */
function aboutAccount({ status, message }: UpstreamError, { name }: Provider, refusal: Refusal): GatewayError {
  if (refusal.kind === "quota") return quotaExhausted(name, { upstreamMessage: message, refusal });
  const what = status === 403 ? "does not allow the gateway's key to do this" : "rejected the gateway's key";
  return new GatewayError(
    "upstream_credentials_rejected",
    `The provider "${name}" ${what}. The operator of the gateway has to check providers.${name}.api_key; the log has the provider's reason.`,
    { upstreamMessage: message, refusal },
  );
}

/** The account of the provider's key has no quota left. */
export function quotaExhausted(provider: string, options: Pick<GatewayErrorOptions, "upstreamMessage" | "refusal">): GatewayError {
  const what = `The provider "${provider}" refuses requests, as the quota or the credit of the gateway's account is used up.`;
  return new GatewayError(
    "upstream_quota_exhausted",
    `${what} The operator of the gateway has to raise it there; the log has the provider's reason.`,
    options,
  );
}

/** What a reader of an answer has thrown, as the error that the client sees. */
export function errorOfReading(thrown: unknown, provider: Provider, foreign: boolean): GatewayError {
  if (thrown instanceof AnsweredError) return errorOfUpstream(thrown.upstream, provider, { foreign });
  // These two speak of a body as if it were the client's, and a parser quotes what it could not read.
  const isUnreadable =
    thrown instanceof SyntaxError ||
    (thrown instanceof GatewayError &&
      (thrown.code === "invalid_json" || thrown.code === "ambiguous_json" || thrown.code === "body_too_complex"));
  if (thrown instanceof GatewayError && !isUnreadable) return thrown;
  const what = isUnreadable ? "something that is not JSON of its protocol" : `something that cannot be read: ${messageOf(thrown)}`;
  return new GatewayError(
    "upstream_invalid_response",
    `The provider "${provider.name}" answered ${what}. Check its base_url and protocols.`,
    { cause: thrown },
  );
}

/** The error as it may be shown, logged and recorded: without the secrets of its provider, and of bounded length. */
export function withoutSecrets(error: GatewayError, provider: Provider, redactor: Redactor): GatewayError {
  const word = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : redactor.text(text, provider, maxWordLength);
  const message = redactor.text(error.message, provider);
  const upstreamMessage = error.upstreamMessage === undefined ? undefined : redactor.text(error.upstreamMessage, provider);
  const [upstreamCode, upstreamType, param] = [word(error.upstreamCode), word(error.upstreamType), word(error.param)];
  return new GatewayError(error.code, message, {
    status: error.status,
    kind: error.kind,
    ...(upstreamCode === undefined ? {} : { upstreamCode }),
    ...(upstreamType === undefined ? {} : { upstreamType }),
    ...(param === undefined ? {} : { param }),
    ...(upstreamMessage === undefined ? {} : { upstreamMessage }),
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    ...(error.refusal === undefined ? {} : { refusal: error.refusal }),
    cause: error.cause,
  });
}

/** Bounds on the `Retry-After` that a client gets, in seconds. */
const minRetryAfterSeconds = 1;
const maxRetryAfterSeconds = 3600;

/** The `Retry-After` that a client gets for a time to wait: 1 s … 1 h. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.min(maxRetryAfterSeconds, Math.max(minRetryAfterSeconds, Math.ceil(waitMs / 1000)));
}

/**
 * A refusal of a request that refers to a context cache: by a status that such a refusal may have, whatever its words. It says nothing of the key or the provider. With the
 * status 400 and other words, the cache is not the reason.
 */
export function refusalOfCache({ message, status }: UpstreamError, isAboutCache: boolean): GatewayError | undefined {
  if (status !== 400 && status !== 403 && status !== 404) return undefined;
  return new GatewayError("context_cache_gone", message, {
    status: status === 400 && !isAboutCache ? 400 : 404,
    refusal: { kind: "client" },
    upstreamMessage: message,
  });
}

/** A failure on the wire, as the error that the client sees. */
export function errorOfFailure({ kind, message }: UpstreamFailure): GatewayError {
  switch (kind) {
    case "unreachable":
    case "connect-timeout":
    case "certificate":
    case "refused-destination":
      return new GatewayError("upstream_unreachable", message);
    case "first-byte-timeout":
    case "idle-timeout":
    case "deadline":
      return new GatewayError("upstream_timeout", message);
    case "malformed":
      return new GatewayError("upstream_invalid_response", message);
    case "reset":
    case "truncated":
      return new GatewayError("upstream_truncated", message);
    case "aborted":
      // The gateway itself has ended the call.
      return new GatewayError("upstream_truncated", message, { refusal: { kind: "client" } });
  }
}

/** A stream that ended without the event that ends it. */
export function errorOfTruncation(provider: string): GatewayError {
  return new GatewayError("upstream_truncated", `The provider "${provider}" ended its stream before the answer was complete.`);
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 429) return "rate_limited";
  return status < 500 ? "invalid_request" : "upstream_error";
}

const kindOfCode: { readonly [C in ErrorCode]?: RefusalKind } = {
  upstream_invalid_response: "broken",
  upstream_truncated: "broken",
  upstream_error: "broken",
  upstream_unreachable: "unreachable",
  upstream_timeout: "timeout",
};

/** What the failure of an attempt is; `undefined`: it is none of the provider's, and no other attempt follows. */
export function refusalIn(error: GatewayError): Refusal | undefined {
  const kind = kindOfCode[error.code];
  return error.refusal ?? (kind === undefined ? undefined : { kind });
}
