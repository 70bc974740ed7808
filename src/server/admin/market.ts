import { GatewayError } from "../../core/index.ts";
import type { MarketAdmin } from "../../market/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { marketContracts } from "./contracts/market.ts";

const mostTrades = 1000;

/** Buying from other gateways and selling to them. */
export function marketHandlers(market: MarketAdmin): HandlersOf<typeof marketContracts> {
  return {
    "market.status": () => market.status(),
    "market.share": ({ body: { cache_read: cacheRead, max_output: maxOutput, ...rest }, principal }) =>
      market.share({ ...rest, cacheRead, maxOutput }, principal.username),
    "market.unshare": ({ param }) => market.unshare(param),
    "market.invite": ({ body: { limit } }) => market.invite(limit),
    "market.join": ({ body: { invite, name } }) => market.join(invite, name),
    "market.peers.update": ({ param, body, principal }) => market.setPeer(param, body, principal.username),
    "market.leave": ({ param }) => market.leave(param),
    "market.relays.use": ({ body: { name } }) => market.useRelay(name),
    "market.relays.drop": ({ param }) => market.dropRelay(param),
    "market.offers": async () => ({ data: await market.offers() }),
    "market.trades": async ({ query: { limit = "50" } }) => {
      const count = Number(limit);
      if (!Number.isInteger(count) || count < 1 || count > mostTrades) {
        throw new GatewayError("invalid_request", `"limit" must be a whole number from 1 to ${mostTrades}.`, { param: "limit" });
      }
      return { data: await market.trades(count) };
    },
    "market.statements": async ({ query: { name, verify } }) => ({ data: await market.statements(name, verify === "true") }),
    "market.pause": ({ body: { paused } }) => market.pause(paused),
  };
}
