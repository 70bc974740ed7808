import type { ModelCall } from "./model-call.ts";
import type { ObservedRequest } from "./observed-request.ts";
import { settleCaching } from "./prompt-caches/caching-of.ts";
import { releaseBudget } from "./admission/reserve-budget.ts";
import { settleLimits } from "./admission/take-limits.ts";

/** The request is over: its limits are settled and its reservation is released, then it is reported to metrics and the access log. */
export function finishCall(call: ModelCall): void {
  settleLimits(call);
  void releaseBudget(call);
  settleCaching(call);
  call.firewall?.finish();
  reportCall(call);
}

function reportCall(call: ModelCall): void {
  const { deps, exchange, request, answer, attempt, entry, settlement } = call;
  if (settlement === undefined) return;
  const { firstContentMs } = answer;
  const observed: ObservedRequest = {
    requestId: exchange.requestId,
    clientRequestId: exchange.clientRequestId,
    principal: request.principal,
    dialect: request.protocol.id,
    operation: request.operation,
    provider: attempt?.provider.name ?? "",
    modelAsked: request.model,
    modelServed: entry?.modelServed ?? "",
    modelKnown: attempt?.provider.models.includes(attempt.upstreamModel) === true,
    status: settlement.status,
    httpStatus: settlement.httpStatus,
    stream: request.envelope.stream,
    attempts: call.attempts,
    failures: call.failures,
    durationMs: deps.clock.monotonic() - exchange.startedMs,
    ttftMs: firstContentMs === undefined ? undefined : firstContentMs - exchange.startedMs,
    overheadMs: call.overheadMs(),
    upstreamMs: answer.upstreamMs > 0 ? answer.upstreamMs : undefined,
    usage: entry?.usage ?? {},
    costNanoUsd: entry?.costNanoUsd,
    losses: answer.losses,
    unnamedLosses: answer.unnamedLosses,
    errorCode: settlement.errorCode,
    firewall: call.firewall?.summary,
    errorMessage: settlement.errorMessage,
    upstreamRequestId: entry?.upstreamRequestId,
    upstreamMessage: settlement.upstreamMessage,
  };
  deps.observe(observed);
  call.trace?.end(observed);
}
