import { budgetCharge, ceilingCost, formatUsd, type BudgetWarning } from "../ledger/index.ts";
import type { Attempt } from "../upstream/index.ts";
import type { ModelCall } from "./model-call.ts";

/**
 * Holds what the request may cost in the budgets of its user, its key and the key's ancestors. `undefined`, and no promise, for those who have none and for what costs nothing.
 * The hold is for the whole request, however many attempts it takes.
 * @throws GatewayError `budget_exceeded`.
 */
export function holdBudget(call: ModelCall, attempts: readonly Attempt[]): Promise<void> | undefined {
  const { principal, deps } = call;
  const budgets = deps.budgets.of(principal.userId, principal.keyId, principal.ancestorIds);
  if (budgets === undefined) return undefined;
  const amountNanoUsd = mostItMayCost(call, attempts);
  if (amountNanoUsd === 0n) return undefined;
  const { requestId } = call.exchange;
  return deps.budgets.reserve({ requestId, amountNanoUsd, budgets }).then((warnings) => {
    call.holdsBudget = true;
    call.budgetWarnings = warnings.map(describeWarning);
  });
}

/**
 * The request is over. What it held is let go of where no row of it will cost anything; else its row settles that on the way into the database, so that
 * at no time neither of the two counts. Never rejects. Called again, it does nothing.
 */
export function letGoOfBudget(call: ModelCall): Promise<void> | undefined {
  if (!call.holdsBudget) return undefined;
  call.holdsBudget = false;
  const { budgets } = call.deps;
  const { requestId } = call.exchange;
  const status = call.outcome;
  if (status === undefined || status === "error" || status === "refused") return budgets.release(requestId);
  const { usage, costNanoUsd } = call;
  budgets.finished(requestId, budgetCharge({ status, usage, costNanoUsd }, call.current.budget.ceiling));
  return undefined;
}

/** Of the attempts, the dearest: the prompt at about four bytes a token, and as much output as the request allows. */
function mostItMayCost(call: ModelCall, attempts: readonly Attempt[]): bigint {
  const { operation } = call.route.route;
  const generates = operation === "generate";
  if (!generates && operation !== "embed" && operation !== "batch-embed") return 0n;
  const { ceiling } = call.current.budget;
  const input = Math.ceil(call.text.length / 4);
  const choices = bounded(call.envelope?.choices ?? 1, 1, mostChoices);
  const now = call.deps.clock.now();
  let most = 0n;
  for (const attempt of attempts) {
    const { provider, upstreamModel } = attempt;
    const output = generates ? outputLimit(call, attempt) * choices : 0;
    const cost = call.deps.ledger.cost(provider.name, upstreamModel, { input, output }, now) ?? ceilingCost(ceiling, input, output);
    if (cost > most) most = cost;
  }
  return most > mostNanoUsd ? mostNanoUsd : most;
}

/** The output tokens that the provider is asked for at most. */
function outputLimit(call: ModelCall, { lane, protocol }: Attempt): number {
  const asked = call.envelope?.maxOutputTokens;
  const { least = 0, unasked = 0 } = (lane === "translated" ? call.deps.upstreamProtocols.get(protocol)?.outputBounds : undefined) ?? {};
  return bounded(asked ?? Math.max(call.current.budget.outputTokens, unasked), least, mostTokens);
}

/** A client may write any number; sums of these fit into the database. */
const mostTokens = 10_000_000;
const mostChoices = 1000;
const mostNanoUsd = 10n ** 15n;

function bounded(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.ceil(value)));
}

/** `user/month spent=15.2 warn=15 stop=20`, in US dollars. */
function describeWarning({ budget, spentNanoUsd }: BudgetWarning): string {
  const stop = budget.stopNanoUsd === null ? "" : ` stop=${formatUsd(budget.stopNanoUsd)}`;
  return `${budget.subject}/${budget.period} spent=${formatUsd(spentNanoUsd)} warn=${formatUsd(budget.warnNanoUsd ?? 0n)}${stop}`;
}
