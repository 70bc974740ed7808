import { GatewayError } from "../../core/index.ts";
import { planModel, type Plan, type PlanInput } from "../../upstream/index.ts";
import { notAllowed, withinLists } from "../admission/allowed-models.ts";
import type { Buying } from "../deps.ts";
import { marketScopeOf, type ScopedRequest } from "../headers/market-scope.ts";
import type { ModelCall } from "../model-call.ts";
import { takeClientRouting } from "./client-routing.ts";
import { narrowPlan } from "./narrow-plan.ts";
import { withinMarketScope } from "./within-market-scope.ts";

/**
 * The plan of a request: as configured, without the targets that its key may not use, and as the request itself narrows it.
 * @throws GatewayError `model_not_found`, `work_mode_refused`, `not_served`, `model_not_allowed`, `invalid_request`.
 */
export function planRequest(call: ModelCall): Plan {
  const { request, stored } = call;
  const plan = planOf(call, request.model);
  const first = plan.attempts[0];
  if (first === undefined) throw notAllowed(request.model);
  const wanted = stored === undefined ? takeClientRouting(call, first.provider.quirks.routesItself === true) : undefined;
  return wanted === undefined ? plan : narrowPlan(call, plan, wanted, (model) => planOrNone(call, model));
}

function planOf(call: ModelCall, model: string): Plan {
  const { request, current, exchange } = call;
  const input = { model, clientProtocol: request.protocol.id, operation: request.operation, workMode: current.workMode };
  const planned = planModel(current.catalog, input);
  const { buying } = current;
  const scoped = { principal: request.principal, rawHeaders: exchange.rawHeaders };
  const extended = buying === undefined || !mayBuy(call, planned) ? planned : withBought(buying, call, { plan: planned, input, scoped });
  return withinMarketScope(scoped, model, withinLists(request.principal, model, extended));
}

/** Only requests for an answer are bought. What a provider stores of its answers, no other gateway can go on with. */
function mayBuy({ request, stored }: ModelCall, { attempts }: Plan): boolean {
  if (request.operation !== "generate" || stored !== undefined) return false;
  return !request.protocol.storesAnswers || attempts.every(({ lane }) => lane !== "verbatim");
}

function withBought(
  buying: Buying,
  { request, current }: ModelCall,
  { plan, input, scoped }: { readonly plan: Plan; readonly input: PlanInput; readonly scoped: ScopedRequest },
): Plan {
  const scope = marketScopeOf(scoped);
  return scope === "off" ? plan : buying.extend(plan, { catalog: current.catalog, input, text: request.text, scope });
}

/** A model of the request's own that cannot be asked is passed over. */
function planOrNone(call: ModelCall, model: string): Plan | undefined {
  try {
    return planOf(call, model);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
