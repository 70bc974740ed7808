import { defaultMarketScope, GatewayError, marketScopes, narrowestScope, type MarketScope } from "../../core/index.ts";
import type { Principal } from "../../accounts/index.ts";
import { isMarketProvider } from "../../upstream/index.ts";
import { findHeader } from "./request-headers.ts";

/** Keeps a request at this gateway. */
export const marketHeader = "x-tokligence-market";

/** Who sends a request, and its headers. */
export interface ScopedRequest {
  readonly principal: Principal;
  readonly rawHeaders: readonly string[];
}

/**
 * Where a request may go beside this gateway's own providers: what its key allows, and what the request itself says in `x-tokligence-market: off`.
 * @throws GatewayError `invalid_request` for another word, as a word that is misspelt must not let a request out.
 */
export function marketScopeOf({ principal, rawHeaders }: ScopedRequest): MarketScope {
  const { market: ofKey = defaultMarketScope } = principal;
  const text = findHeader(rawHeaders, marketHeader);
  if (text === undefined) return ofKey;
  const wanted = marketScopes.find((scope) => scope === text.trim());
  if (wanted !== undefined) return narrowestScope([ofKey, wanted]);
  throw new GatewayError("invalid_request", `Invalid value for the header ${marketHeader}: expected one of ${marketScopes.join(", ")}.`, {
    param: marketHeader,
  });
}

/** Whether a request with this scope may be sent by a provider. */
export function mayLeave(scope: MarketScope, { name, isExchange }: { readonly name: string; readonly isExchange?: boolean }): boolean {
  if (!isMarketProvider(name)) return true;
  return scope === "any" || (scope === "peers" && isExchange !== true);
}
