import { messageOf } from "../core/index.ts";
import { formatUsd } from "../ledger/index.ts";
import { defaultDialect } from "../protocols/index.ts";
import { explainModel, isMarketProvider, type ModelExplanation, type Plan, type PlanInput } from "../upstream/index.ts";
import { rateOf } from "./admin-views.ts";
import type { ExplainedBuying, ExplainedOffer, ExplainedSelling, MarketExplanation, OwnTarget } from "./automatic-types.ts";
import type { Consideration, OfferGroup } from "./buy/buying.ts";
import type { SeenOfSeller } from "./buy/seller-record.ts";
import type { Market } from "./market.ts";
import type { Share } from "./sell/shares.ts";

/** A request of usual size, for which offers and own targets are compared. */
const usualInputTokens = 1000;

/** Why requests would go where, and why models are sold or not. @param model all that have a policy or are shared if omitted. */
export async function explainMarket(market: Market, model: string | undefined): Promise<MarketExplanation> {
  const named = market.purchasing.policies
    .list()
    .map((policy) => policy.model)
    .filter((name) => name !== "*");
  const shares = (await market.shares.list()).filter((share) => model === undefined || share.model === model);
  const { perDay } = market.purchasing.settings;
  const selling: ExplainedSelling[] = [];
  for (const share of shares) {
    const { free, reason } = market.selling.capacity.places(share);
    const { provider } = share;
    const how = reason === undefined ? `sold: ${free} more requests would be taken now` : `not sold, as ${reason}`;
    const summary = `${share.model} is ${how}${sellingRules(market, share)}.`;
    selling.push({ model: share.model, provider, free, selling: reason === undefined, summary });
  }
  return {
    buying: (model === undefined ? named : [model]).map((name) => explainBuying(market, name)),
    selling,
    spent_today_credits: formatUsd(market.purchasing.spend.spent()),
    per_day_credits: perDay === undefined ? null : formatUsd(perDay),
  };
}

/** What else decides about what is sold. */
function sellingRules({ selling }: Market, { terms }: Share): string {
  const preempts = selling.preempts ? "; own requests that need its places cancel what is being served" : "";
  return terms.rule?.aboveCost === true ? `${preempts}; its price is that of arbitrage` : preempts;
}

function explainBuying(market: Market, model: string): ExplainedBuying {
  const { catalog } = market.purchasing;
  const input: PlanInput = { model, clientProtocol: defaultDialect, operation: "generate", workMode: "auto" };
  let plan: Plan;
  try {
    plan = catalog.plan(input);
  } catch (error) {
    const summary = `No provider here serves ${model}, and a policy only adds to those: ${messageOf(error)}`;
    return { model, policy: market.purchasing.policies.of(model)?.policy ?? null, summary, own: [], offers: [] };
  }
  const asked = { inputTokens: usualInputTokens, hasTools: false, scope: "any" as const };
  const found = market.purchasing.considers.consider(plan, { catalog, input, asked });
  const explained = explainModel(catalog, { model, dialect: defaultDialect, workMode: "auto", nowMs: market.purchasing.monotonic() });
  const own = ownTargets(market, explained);
  return { model, policy: found.policy?.policy ?? null, summary: summaryOf(model, found, own), own, offers: offersOf(market, found) };
}

function ownTargets(market: Market, { targets }: ModelExplanation): OwnTarget[] {
  return targets
    .filter(({ role, provider }) => role === "target" && !isMarketProvider(provider))
    .map(({ provider, model, isKept, reason }) => {
      const cost = market.purchasing.ownCost(provider, model, usualInputTokens);
      return { provider, model, ready: isKept, reason, cost_usd: cost === undefined ? null : formatUsd(cost) };
    });
}

function offersOf(market: Market, { policy, reason: against, groups, fit }: Consideration): ExplainedOffer[] {
  return groups.flatMap((group) =>
    group.offers.map(({ choice: { seller, offer }, expected, reason }) => {
      const dear = policy?.policy === "cheaper" && !fit.includes(group) ? "it does not save what the policy asks for" : undefined;
      const why = against ?? reason ?? dear ?? leftAlone(market, group);
      return {
        seller: group.provider,
        node: seller.node.node,
        model: group.model,
        input_usd: rateOf(offer.body.price.input),
        output_usd: rateOf(offer.body.price.output),
        free: offer.body.free,
        score: Number(market.purchasing.record.score(seller.node.node, offer.body.model, market.now()).toFixed(2)),
        expected_usd: formatUsd(BigInt(Math.round(expected))),
        seen: seenOf(market.purchasing.record.seenOf(seller.node.node, offer.body.model)),
        usable: why === undefined,
        reason: why ?? null,
      };
    }),
  );
}

function seenOf({ answered, failed, probesRight, probesWrong, alike, compared }: SeenOfSeller): ExplainedOffer["seen"] {
  return { answered, failed, probes_right: probesRight, probes_wrong: probesWrong, alike, compared };
}

/** What its last answers have made of it, as of any target; `undefined`: it may be asked. */
function leftAlone(market: Market, { provider, model }: OfferGroup): string | undefined {
  const { catalog } = market.purchasing;
  const nowMs = market.purchasing.monotonic();
  const { targets } = explainModel(catalog, { model: `${provider}/${model}`, dialect: defaultDialect, workMode: "auto", nowMs });
  return targets[0]?.reason ?? undefined;
}

function summaryOf(model: string, found: Consideration, own: readonly OwnTarget[]): string {
  const ready = own.find((target) => target.ready);
  const here = ready === undefined ? undefined : `${model} is served here by ${ready.provider}`;
  const first = found.fit[0];
  if (found.reason !== undefined) return `${here ?? `Nothing here can serve ${model} now`}, and nothing is bought, as ${found.reason}.`;
  if (first === undefined) {
    const why = found.groups.length === 0 ? "nobody sells it" : "no offer may be bought (see its reason)";
    return `${here ?? `Nothing here can serve ${model} now`}, and nothing is bought, as ${why}.`;
  }
  const names = [...new Set(found.fit.slice(0, 3).map(({ provider }) => provider))].join(", ");
  if (!found.isFirst)
    return here === undefined
      ? `${model} is bought from ${names}, as there is no room here.`
      : `${here}; ${names} when there is no room here.`;
  return found.policy?.policy === "cheaper"
    ? `${model} is bought from ${names}, as that is cheaper.`
    : `${model} is bought from ${names}, as its policy prefers that.`;
}
