import type { AutomaticAdmin } from "../../market/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { marketAutomaticContracts } from "./contracts/market-automatic.ts";

/** Buying and selling by policies. */
export function marketAutomaticHandlers(automatic: AutomaticAdmin): HandlersOf<typeof marketAutomaticContracts> {
  return {
    "market.policies": async () => ({ data: await automatic.policies() }),
    "market.policies.set": ({ body }) => automatic.setPolicy(body),
    "market.policies.remove": ({ param }) => automatic.removePolicy(param),
    "market.sell": ({ param, body }) => automatic.sell(param, body),
    "market.arbitrage": async ({ query: { model } }) => ({ data: await automatic.arbitrage(model) }),
    "market.arbitrage.set": ({ body }) => automatic.setArbitrage(body),
    "market.explain": ({ query: { model } }) => automatic.explain(model),
  };
}
