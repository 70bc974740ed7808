import { GatewayError } from "../../core/index.ts";
import type { ExchangeAdmin } from "../../market/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { exchangeContracts } from "./contracts/exchange.ts";

/** Clearing the trade of other gateways. */
export function exchangeHandlers(exchange: ExchangeAdmin): HandlersOf<typeof exchangeContracts> {
  return {
    "exchange.start": () => exchange.start(),
    "exchange.invite": ({ body: { limit } }) => exchange.invite(limit),
    "exchange.members": async () => ({ data: await exchange.members() }),
    "exchange.members.update": ({ param, body, principal }) => {
      if (body.credit !== undefined && (body.reason ?? "").trim() === "") {
        throw new GatewayError("invalid_request", 'A credit needs its "reason", for the books.', { param: "reason" });
      }
      return exchange.update(param, body, principal.username);
    },
    "exchange.check": () => exchange.check(),
    "exchange.disputes": async () => ({ data: await exchange.disputes() }),
    "exchange.report": () => exchange.report(),
  };
}
