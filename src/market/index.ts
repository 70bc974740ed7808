export { createMarketAdmin, marketWithout } from "./admin.ts";
export type { MarketAdmin } from "./admin-types.ts";
export { hasMarketKeys } from "./identity/market-keys.ts";
export { openMarket, type Market } from "./market.ts";
export type { MarketDeps } from "./market-deps.ts";
export { readInvite } from "./peers/invites.ts";
export { createExchangeAdmin, exchangeWithout, type ExchangeAdmin } from "./exchange-admin.ts";
export { exchangeSchema, readExchange, type ExchangeSection } from "./exchange/section.ts";
export { marketSchema, readMarket, type MarketSection } from "./section.ts";
