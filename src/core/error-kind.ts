import type { ErrorKind } from "./errors.ts";

/** Maps an HTTP status of an upstream to a kind. */
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
