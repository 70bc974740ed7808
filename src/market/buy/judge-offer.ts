import type { MarketScope } from "../../core/index.ts";
import type { BuySettings } from "./buy-section.ts";
import { expectedCost, type Choice } from "./choose.ts";
import type { ModelPolicy } from "./policies.ts";
import type { SellerRecord } from "./seller-record.ts";

/** A request, as far as offers fit it or not. */
export interface AskedRequest {
  readonly inputTokens: number;
  readonly hasTools: boolean;
  readonly scope: MarketScope;
}

/** What is known beside the offer itself. */
export interface OfferRules {
  readonly settings: BuySettings;
  readonly record: SellerRecord;
  /** Why nothing is bought from a seller at all; `undefined`: nothing speaks against it. */
  readonly problem: (choice: Choice) => string | undefined;
  readonly nowMs: number;
}

/** An offer, what the request would cost there in nano-credits, and why it is not bought; `undefined`: it may be. */
export interface JudgedOffer {
  readonly choice: Choice;
  readonly expected: number;
  readonly reason: string | undefined;
}

/** Below it a seller is not asked by a policy. */
export const leastScore = 0.6;

export function judgeOffer(choice: Choice, policy: ModelPolicy, asked: AskedRequest, rules: OfferRules): JudgedOffer {
  return {
    choice,
    expected: expectedCost(choice, asked, rules.record),
    reason: reasonAgainst(choice, asked, rules) ?? reasonByPolicy(choice, policy) ?? reasonByRecord(choice, rules),
  };
}

function reasonAgainst(choice: Choice, { inputTokens, hasTools, scope }: AskedRequest, rules: OfferRules): string | undefined {
  const { seller, offer } = choice;
  const { body } = offer;
  const { settings } = rules;
  const isExchange = seller.peer.role === "exchange";
  if (isExchange && scope !== "any") return 'requests of API keys without market "any" do not go to exchanges';
  if (isExchange && hasTools && !settings.hasTools) return "requests with tools do not go to exchanges (market.buy.tools)";
  if (hasTools && !body.features.includes("tools")) return "it offers no tools";
  if (body.context > 0 && body.context < inputTokens) return `its context of ${body.context} tokens is too short`;
  if (settings.regions.length > 0 && !settings.regions.includes(body.policy.region)) return "it is in none of market.buy.regions";
  if (settings.quantizations.length > 0 && !settings.quantizations.includes(body.quantization))
    return "it states none of market.buy.quantizations";
  if (body.until <= rules.nowMs) return "its offer has ended";
  return rules.problem(choice);
}

function reasonByPolicy({ offer }: Choice, { maxPrice }: ModelPolicy): string | undefined {
  if (maxPrice === undefined) return undefined;
  const isDear = Object.values(offer.body.price).some((rate) => BigInt(rate) > maxPrice);
  return isDear ? "it is dearer than the most that the policy pays" : undefined;
}

function reasonByRecord({ seller, offer }: Choice, { record, nowMs }: OfferRules): string | undefined {
  const { node } = seller.node;
  if (record.answersOtherwise(node, offer.body.model)) return "it answers otherwise than the other sellers of the model";
  const score = record.score(node, offer.body.model, nowMs);
  if (score < leastScore) return `its score of ${score.toFixed(2)} is below ${leastScore}`;
  if (record.isFailing(node, nowMs)) return "two requests there have failed in the last minute";
  return offer.body.free > 0 ? undefined : "all its places are taken";
}
