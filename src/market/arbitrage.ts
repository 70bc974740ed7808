import { GatewayError } from "../core/index.ts";
import { formatUsd } from "../ledger/index.ts";
import { defaultDialect } from "../protocols/index.ts";
import type { PlanInput } from "../upstream/index.ts";
import { rateOf } from "./admin-views.ts";
import type { ArbitrageRequest, ArbitrageState } from "./automatic-types.ts";
import type { Consideration } from "./buy/buying.ts";
import type { ModelPolicy } from "./buy/policies.ts";
import type { Price } from "./documents/kinds.ts";
import type { Market } from "./market.ts";
import type { Share } from "./sell/shares.ts";
import { withArbitrage } from "./sell-change.ts";

/** A request of usual size, for which offers and the own target are compared. */
const usualInputTokens = 1000;
const defaultShare = 0.01;
/** What arbitrage would do with a model that has none. */
const asArbitrage = { policy: "cheaper", maxPrice: undefined, minSaving: undefined, source: "command" } as const;

/**
 * Arbitrage of a model: own requests are bought where that is cheaper than its own server, and the places that this leaves are sold at asks that follow the book, never
 * below what they cost. What was bought is never sold on: each sale is served by the own server. @param model all that are shared if omitted.
 * @throws GatewayError `not_found`
 */
export async function arbitrageOf(market: Market, model: string | undefined): Promise<readonly ArbitrageState[]> {
  const shares = (await market.shares.list()).filter((share) => model === undefined || share.model === model);
  if (shares.length === 0 && model !== undefined) throw notShared(model);
  return shares.map((share) => stateOf(market, share));
}

/** @throws GatewayError `not_found`, `invalid_request` */
export async function setArbitrage(market: Market, { model, on, min_saving: minSaving, share }: ArbitrageRequest): Promise<ArbitrageState> {
  const known = (await market.shares.list()).find((one) => one.model === model);
  if (known === undefined) throw notShared(model);
  const { policies } = market.purchasing;
  if (on) {
    const { provider, upstreamModel } = known;
    if (market.selling.costOf(provider, upstreamModel) === undefined) {
      throw new GatewayError(
        "invalid_request",
        `"${provider}/${upstreamModel}" has no price here, so nothing can be compared with it. State what it costs you under "prices".`,
      );
    }
    await market.shares.set(withArbitrage(known, { share: share ?? defaultShare }));
    await policies.set({ model, policy: "cheaper", maxPrice: undefined, minSaving });
  } else {
    await market.shares.set(withArbitrage(known, undefined));
    const policy = policies.of(model);
    if (policy?.model === model && policy.policy === "cheaper") await policies.remove(model);
  }
  market.offers.changed();
  return (await arbitrageOf(market, model))[0]!;
}

function notShared(model: string): GatewayError {
  return new GatewayError(
    "not_found",
    `The model "${model.slice(0, 128)}" is not shared, so nothing of it can be sold: tokligence market share MODEL.`,
  );
}

function stateOf(market: Market, share: Share): ArbitrageState {
  const { model, provider, upstreamModel, terms } = share;
  const policy = market.purchasing.policies.of(model);
  const isOn = terms.rule?.aboveCost === true && policy?.policy === "cheaper";
  const found = considered(market, model, isOn ? policy : { ...asArbitrage, model });
  const best = found?.fit[0];
  const cost = market.selling.costOf(provider, upstreamModel);
  const ask = market.selling.priceOf(share);
  const { free, reason } = market.selling.capacity.places(share);
  const ownCost = market.purchasing.ownCost(provider, upstreamModel, usualInputTokens);
  const buys = isOn && best !== undefined;
  const expected = best === undefined ? null : formatUsd(BigInt(Math.round(best.expected)));
  const bought = buys
    ? `${model} is bought from ${best.provider}, for ${expected} where it costs ${formatUsd(ownCost ?? 0n)} here`
    : boughtNot(model, found, isOn);
  const sold =
    reason === undefined
      ? `${free} places are sold at ${rateOf(ask.input)} in and ${rateOf(ask.output)} out`
      : `nothing is sold, as ${reason}`;
  return {
    model,
    on: isOn,
    own_cost: shownPrice(cost),
    ask: shownPrice(ask)!,
    cheapest: best === undefined ? null : { seller: best.provider, expected_usd: expected! },
    own_expected_usd: ownCost === undefined ? null : formatUsd(ownCost),
    buys,
    sells: reason === undefined,
    summary: `${bought}; ${sold}.`,
  };
}

function boughtNot(model: string, found: Consideration | undefined, isOn: boolean): string {
  if (!isOn) return `Arbitrage of ${model} is off`;
  return found?.reason === undefined
    ? `${model} is served here, as nobody sells it for as much less as it must save`
    : `${model} is served here, as ${found.reason}`;
}

/** What the policy makes of a request of usual size now; `undefined`: nothing here serves the model. */
function considered(market: Market, model: string, policy: ModelPolicy): Consideration | undefined {
  const { catalog, considers } = market.purchasing;
  const input: PlanInput = { model, clientProtocol: defaultDialect, operation: "generate", workMode: "auto" };
  const asked = { inputTokens: usualInputTokens, hasTools: false, scope: "any" } as const;
  try {
    return considers.consider(catalog.plan(input), { catalog, input, asked, policy });
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

function shownPrice(price: Price | undefined): { readonly input_usd: string; readonly output_usd: string } | null {
  return price === undefined ? null : { input_usd: rateOf(price.input), output_usd: rateOf(price.output) };
}
