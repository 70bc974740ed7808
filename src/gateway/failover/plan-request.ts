import { GatewayError } from "../../core/index.ts";
import { planModel, type Plan } from "../../upstream/index.ts";
import { notAllowed, withinLists } from "../admission/allowed-models.ts";
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

function planOf({ request, current, exchange }: ModelCall, model: string): Plan {
  const planned = planModel(current.catalog, {
    model,
    clientProtocol: request.protocol.id,
    operation: request.operation,
    workMode: current.workMode,
  });
  const scoped = { principal: request.principal, rawHeaders: exchange.rawHeaders };
  return withinMarketScope(scoped, model, withinLists(request.principal, model, planned));
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
