import { GatewayError } from "../../core/index.ts";
import { checkAllowed } from "./allowed-models.ts";
import { databaseUnavailable } from "../errors/database-unavailable.ts";
import type { ModelCall } from "../model-call.ts";

/** What must hold before anything is planned: a key that may call the model, and a ledger that takes records. @throws GatewayError. */
export function admit({ request, current, deps }: ModelCall): void {
  checkAllowed(request.principal, current.catalog, request.model);
  if (deps.databaseProblem() !== undefined) throw databaseUnavailable();
  if (!deps.ledger.healthy()) {
    throw new GatewayError(
      "ledger_unavailable",
      "The gateway cannot record usage at the moment and therefore serves no requests. Try again soon.",
      { retryAfterSeconds: 5 },
    );
  }
}

/** Looks for an agent that repeats itself, once the whole conversation is there. @throws GatewayError `duplicate_tool_call`. */
export function guard(call: ModelCall): void {
  const { request, current, deps } = call;
  if (!request.traits.hasOutput) return;
  const guarded = deps.toolCallGuard.check(request.text, request.protocol, request.route, current.duplicateGuard);
  if (guarded === undefined) return;
  call.guarded = guarded;
  const { tool, count } = guarded;
  deps.logger.warn(
    { request_id: call.exchange.requestId, user_id: request.principal.userId, tool: tool.slice(0, 100), count },
    "an agent repeats one tool call and gets one result: a note was added for the model",
  );
}
