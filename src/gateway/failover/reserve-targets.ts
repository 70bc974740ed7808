import { BudgetExceeded } from "../../ledger/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { isForClients, reserveBudget } from "../admission/reserve-budget.ts";
import type { ModelCall } from "../model-call.ts";
import { subjectOf } from "../admission/subject-of.ts";
import { fallbacksFor } from "./fallbacks.ts";

/**
 * Reserves what the request may cost (see `reserveBudget`). A target whose provider or model has used up its budget is passed over if another target or a fallback may serve
 * the request.
 * @throws BudgetExceeded.
 */
export function reserveTargets(call: ModelCall, attempts: readonly Attempt[]): Promise<void> | undefined {
  return tryTargets(call, attempts)?.catch((error: unknown) => {
    if (error instanceof BudgetExceeded) call.deps.budgets.countRefusal();
    throw error;
  });
}

function tryTargets(call: ModelCall, attempts: readonly Attempt[]): Promise<void> | undefined {
  if (call.hedge === undefined) return reserveOnce(call, attempts);
  return reserveBudget(call, attempts, true)?.catch(async (error: unknown) => {
    if (!(error instanceof BudgetExceeded)) throw error;
    // There may be room for one attempt.
    call.planHedge(undefined);
    await reserveOnce(call, attempts);
  });
}

function reserveOnce(call: ModelCall, attempts: readonly Attempt[]): Promise<void> | undefined {
  return reserveBudget(call, attempts)?.catch((error: unknown) => reserveElsewhere(call, attempts, error));
}

/** @throws the refusal if it is not one of a provider or a model, or no other target is left. */
async function reserveElsewhere(call: ModelCall, attempts: readonly Attempt[], error: unknown): Promise<void> {
  if (!(error instanceof BudgetExceeded) || isForClients(error)) throw error;
  const { budget } = error;
  const isCounted = (attempt: Attempt): boolean => call.deps.budgets.ofTarget(subjectOf(call, attempt))?.includes(budget) === true;
  call.passOver(attempts.filter(isCounted));
  const rest = unspent(call, attempts);
  const isServed = call.plan === undefined || unspent(call, call.plan.attempts).length > 0 || hasUnspentFallback(call);
  if (rest.length === 0 || rest.length === attempts.length || !isServed) throw error;
  await tryTargets(call, rest);
}

/** The attempts that no used-up budget excludes. */
export function unspent({ spentTargets }: ModelCall, attempts: readonly Attempt[]): readonly Attempt[] {
  return spentTargets === undefined ? attempts : attempts.filter((attempt) => !spentTargets.includes(attempt));
}

function hasUnspentFallback(call: ModelCall): boolean {
  return fallbacksFor(call, "quota")?.some(({ attempts }) => unspent(call, attempts).length > 0) === true;
}
