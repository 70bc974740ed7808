import { errorKindOfStatus, GatewayError, type ErrorCode } from "../core/index.ts";
import type { UpstreamError } from "../protocols/index.ts";
import type { Provider, UpstreamFailure } from "../upstream/index.ts";
import { redact } from "./redact.ts";

/**
 * An upstream's error as the client sees it. The status is kept, but for 401 and 403, which speak of the operator's key and become 502.
 * Upstream texts are kept, as clients read them, but for the secrets in them. `foreign`: the upstream speaks another protocol, whose own words for types
 * and parameters the client does not know.
 */
export function errorOfUpstream(
  error: UpstreamError,
  provider: Provider,
  { foreign, retryAfterSeconds }: { readonly foreign: boolean; readonly retryAfterSeconds?: number | undefined },
): GatewayError {
  const { name } = provider;
  if (error.status === 401 || error.status === 403) {
    const what = error.status === 401 ? "rejected the gateway's key" : "does not allow the gateway's key to do this";
    return new GatewayError(
      "upstream_credentials_rejected",
      `The provider "${name}" ${what}. The operator of the gateway has to check providers.${name}.api_key.`,
    );
  }
  const code: ErrorCode = error.status === 429 ? "rate_limited" : error.status < 500 ? "invalid_request" : "upstream_error";
  return new GatewayError(code, redact(error.message, provider), {
    status: error.status,
    kind: errorKindOfStatus(error.status),
    ...(error.code === undefined ? {} : { upstreamCode: redact(error.code, provider) }),
    ...(error.type === undefined || foreign ? {} : { upstreamType: redact(error.type, provider) }),
    ...(error.param === undefined || foreign ? {} : { param: redact(error.param, provider) }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
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
