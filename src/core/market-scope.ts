/** Where a request may go beside the providers of this gateway: nowhere, to gateways that this one has joined, or also to those of an exchange. */
export const marketScopes = ["off", "peers", "any"] as const;

export type MarketScope = (typeof marketScopes)[number];

/** What a key has that says nothing of it. */
export const defaultMarketScope: MarketScope = "peers";

/** The scope that all of them allow. */
export function narrowestScope(scopes: readonly MarketScope[]): MarketScope {
  return marketScopes.find((scope) => scopes.includes(scope)) ?? "any";
}
