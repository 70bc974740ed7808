import { errorKindOfStatus, GatewayError, messageOf, type ErrorCode } from "../../core/index.ts";
import { AnsweredError, type UpstreamError } from "../../protocols/index.ts";
import type { Provider, Redactor, UpstreamFailure } from "../../upstream/index.ts";

/** Types, codes and names of parameters are words; a longer one is cut. */
const maxWordLength = 200;

/**
 * An upstream's error as the client sees it. The status is kept, but for 401 and 403, which speak of the operator's key and become 502; a moderation's
 * 403 speaks of what the client sent. The words are the upstream's: they go nowhere before `withoutSecrets`.
 * `foreign`: the upstream speaks another protocol, whose own words for types and parameters the client does not know.
 */
export function errorOfUpstream(
  error: UpstreamError,
  provider: Provider,
  { foreign, retryAfterSeconds }: { readonly foreign: boolean; readonly retryAfterSeconds?: number | undefined },
): GatewayError {
  const { status, message } = error;
  const isModerated = status === 403 && error.isModeration === true;
  if (status === 401 || (status === 403 && !isModerated)) return credentialsRejected(error, provider);
  const code = codeOfStatus(status);
  return new GatewayError(code, message, {
    status,
    kind: isModerated ? "invalid_request" : errorKindOfStatus(status),
    ...(error.code === undefined ? {} : { upstreamCode: error.code }),
    ...(error.type === undefined || foreign ? {} : { upstreamType: error.type }),
    ...(error.param === undefined || foreign ? {} : { param: error.param }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    // The client gets the message about its own mistake; the log does not, as the words may quote the request.
    ...(code === "invalid_request" ? {} : { upstreamMessage: message }),
  });
}

/** The upstream's words are about the operator's account: they go to the log, not to the client. */
function credentialsRejected({ status, message }: UpstreamError, { name }: Provider): GatewayError {
  const what = status === 401 ? "rejected the gateway's key" : "does not allow the gateway's key to do this";
  return new GatewayError(
    "upstream_credentials_rejected",
    `The provider "${name}" ${what}. The operator of the gateway has to check providers.${name}.api_key; the log has the provider's reason.`,
    { upstreamMessage: message },
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
    cause: error.cause,
  });
}

/** A failure on the wire, as the error that the client sees. */
export function errorOfFailure(failure: UpstreamFailure): GatewayError {
  switch (failure.kind) {
    case "unreachable":
    case "connect-timeout":
    case "certificate":
    case "refused-destination":
      return new GatewayError("upstream_unreachable", failure.message);
    case "first-byte-timeout":
    case "idle-timeout":
    case "deadline":
      return new GatewayError("upstream_timeout", failure.message);
    case "malformed":
      return new GatewayError("upstream_invalid_response", failure.message);
    case "reset":
    case "truncated":
    case "aborted":
      return new GatewayError("upstream_truncated", failure.message);
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
