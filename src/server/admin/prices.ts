import { GatewayError, readTime, timeForms, type Clock, type TimeZone } from "../../core/index.ts";
import type { PriceAdmin } from "../../ledger/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { priceContracts } from "./contracts/prices.ts";

export interface PriceDeps {
  readonly prices: PriceAdmin;
  readonly clock: Clock;
  readonly timeZone: () => TimeZone;
}

/** What things cost, and costs that are reckoned anew. */
export function priceHandlers({ prices, clock, timeZone }: PriceDeps): HandlersOf<typeof priceContracts> {
  const timeOf = (text: string, param: string): number => {
    const timeMs = readTime(text, clock.now(), { sign: -1, zone: timeZone() });
    if (timeMs === undefined) throw new GatewayError("invalid_request", `"${param}" takes ${timeForms}.`, { param });
    return timeMs;
  };
  return {
    "prices.sources": () => prices.sources(),
    "prices.show": ({ query: { model = "", as_of: asOf } }) => {
      if (model === "") throw new GatewayError("invalid_request", 'Say which model: "?model=gpt-5".', { param: "model" });
      return prices.show(model, asOf === undefined ? clock.now() : timeOf(asOf, "as_of"));
    },
    "prices.check": async () => ({ problems: await prices.check() }),
    "ledger.reprice": async ({ body: { from, to, dry_run: isDryRun = false } }) => {
      const fromMs = timeOf(from, "from");
      const toMs = to === undefined ? clock.now() : timeOf(to, "to");
      if (fromMs >= toMs) throw new GatewayError("invalid_request", '"from" is not before "to".', { param: "from" });
      return await prices.reprice(fromMs, toMs, isDryRun);
    },
  };
}
