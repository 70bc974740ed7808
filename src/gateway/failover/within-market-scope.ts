import { defaultMarketScope, GatewayError } from "../../core/index.ts";
import { fallbackReasons, isMarketProvider, type Attempt, type Fallback, type FallbackReason, type Plan } from "../../upstream/index.ts";
import { marketHeader, marketScopeOf, mayLeave, type ScopedRequest } from "../headers/market-scope.ts";

/**
 * The plan without the targets that are other gateways, if the request must not leave this one.
 * @throws GatewayError `model_not_allowed` if nothing else serves it.
 */
export function withinMarketScope(request: ScopedRequest, model: string, plan: Plan): Plan {
  if (!hasMarketTargets(plan)) return plan;
  const scope = marketScopeOf(request);
  const allowed = (attempts: readonly Attempt[]): readonly Attempt[] => attempts.filter(({ provider }) => mayLeave(scope, provider));
  const fallbacks: { [R in FallbackReason]?: readonly Fallback[] } = {};
  for (const reason of fallbackReasons) {
    const found = plan.fallbacks?.[reason]?.map((fallback) => ({ ...fallback, attempts: allowed(fallback.attempts) }));
    if (found !== undefined) fallbacks[reason] = found.filter(({ attempts }) => attempts.length > 0);
  }
  const attempts = allowed(plan.attempts);
  if (attempts.length === 0 && plan.attempts.length > 0) throw staysHere(request, model);
  return { ...plan, attempts, fallbacks: plan.fallbacks === undefined ? undefined : fallbacks };
}

function hasMarketTargets({ attempts, fallbacks }: Plan): boolean {
  const isMarket = ({ provider }: Attempt): boolean => isMarketProvider(provider.name);
  if (attempts.some(isMarket)) return true;
  return fallbacks !== undefined && fallbackReasons.some((reason) => fallbacks[reason]?.some((one) => one.attempts.some(isMarket)));
}

function staysHere(request: ScopedRequest, model: string): GatewayError {
  return new GatewayError("model_not_allowed", `${reasonOf(request)}, and "${model}" is served by one.`, { param: "model" });
}

function reasonOf(request: ScopedRequest): string {
  const { market: ofKey = defaultMarketScope } = request.principal;
  if (ofKey === "off") return "Requests of this API key go to no other gateway";
  if (marketScopeOf(request) !== ofKey) return `The header ${marketHeader} keeps this request here`;
  return "Requests of this API key do not go to exchanges";
}
