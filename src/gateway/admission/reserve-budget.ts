import { budgetCharge, formatUsd, type BudgetWarning } from "../../ledger/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { isUnbounded } from "../../protocols/index.ts";
import { affordableOutput, maxCost } from "./max-cost.ts";
import type { ModelCall } from "../model-call.ts";

/** The fewest output tokens that are worth a request: vendors refuse a lower bound. */
const minOutputTokens = 16;

/**
 * Reserves what the request may cost in the budgets of its user, its key and the key's ancestors. `undefined`, and no promise, if there are none or the request costs
 * nothing. The reservation is for the whole request, however many attempts it takes. If its client names no bound on output and a budget has room for less than the
 * usual one, the budget's rest becomes the bound.
 * @throws GatewayError `budget_exceeded`.
 */
export function reserveBudget(call: ModelCall, attempts: readonly Attempt[]): Promise<void> | undefined {
  const { deps } = call;
  const budgets = deps.budgets.of(call.request.principal);
  if (budgets === undefined) return undefined;
  const amountNanoUsd = maxCost(call, attempts);
  if (amountNanoUsd === 0n) return undefined;
  const { requestId } = call.exchange;
  let limit: number | undefined;
  const fitInto = (leftNanoUsd: bigint): bigint | undefined => {
    if (!call.request.traits.hasOutput || !isUnbounded(call.request.text)) return undefined;
    const tokens = affordableOutput(call, attempts, leftNanoUsd);
    if (tokens < minOutputTokens) return undefined;
    limit = tokens;
    return maxCost(call, attempts, tokens);
  };
  const advise = (leftNanoUsd: bigint): string => describeWayOut(call, affordableOutput(call, attempts, leftNanoUsd));
  return deps.budgets.reserve({ requestId, amountNanoUsd, budgets, fitInto, advise }).then((warnings) => {
    call.reservation = { outputLimit: limit, warnings: warnings.map(describeWarning), isReleased: false };
  });
}

/**
 * The request is over: releases its reservation if the request cost nothing. Else the reservation counts until the request's row is in the database and counts
 * instead. Never rejects. Called again, it does nothing.
 */
export function releaseBudget(call: ModelCall): Promise<void> | undefined {
  const { reservation, entry } = call;
  if (reservation === undefined || reservation.isReleased) return undefined;
  reservation.isReleased = true;
  const { budgets } = call.deps;
  const { requestId } = call.exchange;
  const status = call.settlement?.status;
  if (status === undefined || entry === undefined || status === "error" || status === "refused") return budgets.release(requestId);
  const { usage, budgetCostNanoUsd: costNanoUsd } = entry;
  budgets.finished(requestId, budgetCharge({ status, usage, costNanoUsd }, call.current.budget.ceiling));
  return undefined;
}

/** What a refused client can do: the number that was counted, its setting, and the number that there is room for. */
function describeWayOut({ request, current }: ModelCall, affordable: number): string {
  const { envelope, protocol, traits } = request;
  if (!traits.hasOutput) return "Send less at once";
  const { maxOutputTokens: names } = protocol.params.names;
  const name = typeof names === "string" ? names : names[0];
  const asked = envelope.maxOutputTokens;
  const counted =
    asked === undefined
      ? `${current.budget.outputTokens} output tokens are counted (ledger.output_ceiling), as the request does not set ${name}.`
      : `The request asks for up to ${asked} output tokens (${name}).`;
  return affordable < 1 ? `${counted} Send a shorter prompt` : `${counted} There is room for ${affordable}: ask for no more`;
}

/** `user/month spent=15.2 warn=15 stop=20`, in US dollars. */
function describeWarning({ budget, spentNanoUsd }: BudgetWarning): string {
  const stop = budget.stopNanoUsd === null ? "" : ` stop=${formatUsd(budget.stopNanoUsd)}`;
  return `${budget.subject}/${budget.period} spent=${formatUsd(spentNanoUsd)} warn=${formatUsd(budget.warnNanoUsd ?? 0n)}${stop}`;
}
