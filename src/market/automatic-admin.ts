import { GatewayError } from "../core/index.ts";
import { formatRate, parseRate } from "../ledger/index.ts";
import { arbitrageOf, setArbitrage } from "./arbitrage.ts";
import type { AutomaticAdmin, MarketExplanation, PolicyRequest, PolicyState } from "./automatic-types.ts";
import type { ModelPolicy } from "./buy/policies.ts";
import { shownShare } from "./admin-views.ts";
import { withChange } from "./sell-change.ts";
import { explainMarket } from "./explain.ts";
import type { Market } from "./market.ts";

interface AutomaticDeps {
  /** The node, made if this installation has not traded yet. */
  readonly open: () => Promise<Market>;
  /** The node if this installation has traded. */
  readonly opened: () => Promise<Market | undefined>;
}

const mostSaving = 0.95;

export function createAutomaticAdmin({ open, opened }: AutomaticDeps): AutomaticAdmin {
  return {
    async policies() {
      const market = await opened();
      return market === undefined ? [] : market.purchasing.policies.list().map((policy) => shownPolicy(market, policy));
    },
    async setPolicy(request) {
      const policy = policyOf(request);
      const market = await open();
      await market.purchasing.policies.set(policy);
      return shownPolicy(market, { ...policy, source: "command" });
    },
    async removePolicy(model) {
      const market = await open();
      const gone = market.purchasing.policies.list().find((policy) => policy.model === model && policy.source === "command");
      if (gone === undefined) throw new GatewayError("not_found", `No command has set a policy for "${model.slice(0, 128)}".`);
      await market.purchasing.policies.remove(model);
      return shownPolicy(market, gone);
    },
    async sell(model, change) {
      const market = await open();
      const share = (await market.shares.list()).find((one) => one.model === model);
      if (share === undefined) throw new GatewayError("not_found", `The model "${model.slice(0, 128)}" is not shared.`);
      const changed = withChange(share, change);
      await market.shares.set(changed);
      market.offers.changed();
      return shownShare(changed, { free: market.freeSlots(changed), price: market.selling.priceOf(changed) });
    },
    async arbitrage(model) {
      const market = await opened();
      if (market === undefined) return [];
      await market.book.refresh();
      return await arbitrageOf(market, model);
    },
    async setArbitrage(request) {
      const { min_saving: saving } = request;
      checkSaving(saving);
      const market = await open();
      await market.book.refresh();
      return await setArbitrage(market, request);
    },
    async explain(model) {
      const market = await opened();
      if (market === undefined) return notTrading(model);
      await market.book.refresh();
      return await explainMarket(market, model);
    },
  };
}

function notTrading(model: string | undefined): MarketExplanation {
  const summary = "This gateway trades with nobody, so nothing is bought: tokligence market join INVITE.";
  return {
    buying: model === undefined ? [] : [{ model, policy: null, summary, own: [], offers: [] }],
    selling: [],
    spent_today_credits: "0",
    per_day_credits: null,
  };
}

/** @throws GatewayError `invalid_request` */
function policyOf({ model, policy, max_price: price, min_saving: saving }: PolicyRequest): ModelPolicy {
  if (model === "" || model.length > 128 || model.startsWith("@") || /\p{Cc}/u.test(model)) {
    throw new GatewayError("invalid_request", 'A policy is for a model of this gateway, or "*" for all others.', { param: "model" });
  }
  const maxPrice = price === undefined ? undefined : parseRate(price);
  if (price !== undefined && maxPrice === undefined) {
    throw new GatewayError("invalid_request", '"max_price" must be credits a million tokens, as in 0.3.', { param: "max_price" });
  }
  checkSaving(saving);
  return { model, policy, maxPrice, minSaving: saving, source: "command" };
}

/** @throws GatewayError `invalid_request` */
function checkSaving(saving: number | undefined): void {
  if (saving !== undefined && !(saving >= 0 && saving <= mostSaving)) {
    throw new GatewayError("invalid_request", `"min_saving" must be from 0 to ${mostSaving}.`, { param: "min_saving" });
  }
}

function shownPolicy(market: Market, { model, policy, maxPrice, minSaving, source }: ModelPolicy): PolicyState {
  return {
    model,
    policy,
    max_price: maxPrice === undefined ? null : formatRate(maxPrice),
    min_saving: minSaving ?? market.purchasing.settings.minSaving,
    source,
  };
}
