import { printSubject } from "../../core/index.ts";
import { budgetCharge, formatUsd, type Budget, type BudgetWarning, type EntryStatus } from "../../ledger/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { isUnbounded } from "../../protocols/index.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import { affordableOutput, maxCost } from "./max-cost.ts";
import { subjectOf } from "./subject-of.ts";
import type { ModelCall } from "../model-call.ts";

/** The fewest output tokens that are worth a request: vendors refuse a lower bound. */
const minOutputTokens = 16;

/**
 * Reserves what the request may cost in all its budgets: those of its user, its key, the key's ancestors and their tags, and those of the providers and models that may
 * serve it. `undefined`, and no promise, if there are none or the request costs nothing. The reservation is for the whole request, however many attempts it takes. If its
 * client names no bound on output and a budget has room for less than the usual one, the budget's rest becomes the bound.
 * @param isHedged two attempts may be made at the same time, and both cost.
 * @throws BudgetExceeded.
 */
export function reserveBudget(call: ModelCall, attempts: readonly Attempt[], isHedged = false): Promise<void> | undefined {
  const { deps } = call;
  const ofCaller = deps.budgets.of(call.request.principal);
  const attemptsOf = deps.budgets.hasTargets ? attemptsByBudget(call, attempts) : undefined;
  if (ofCaller === undefined && attemptsOf === undefined) return undefined;
  const times = isHedged ? 2n : 1n;
  const amountNanoUsd = maxCost(call, attempts) * times;
  if (amountNanoUsd === 0n) return undefined;
  const { requestId } = call.exchange;
  let limit: number | undefined;
  // A budget of a provider or a model counts what the request may cost there.
  const partOf = (budget: Budget): bigint | undefined => {
    const counted = attemptsOf?.get(budget);
    return counted === undefined ? undefined : maxCost(call, counted, limit) * times;
  };
  const affordable = (leftNanoUsd: bigint, budget: Budget): number =>
    affordableOutput(call, attemptsOf?.get(budget) ?? attempts, leftNanoUsd);
  const fitInto = (leftNanoUsd: bigint, budget: Budget): bigint | undefined => {
    if (isHedged || !call.request.traits.hasOutput || !isUnbounded(call.request.text)) return undefined;
    const tokens = affordable(leftNanoUsd, budget);
    if (tokens < minOutputTokens) return undefined;
    limit = tokens;
    return maxCost(call, attempts, tokens);
  };
  const advise = (leftNanoUsd: bigint, budget: Budget): string => describeWayOut(call, affordable(leftNanoUsd, budget));
  // What costs nothing at a provider needs no room in its budget.
  const ofTargets = attemptsOf === undefined ? [] : [...attemptsOf.keys()].filter((budget) => partOf(budget) !== 0n);
  const budgets = ofTargets.length === 0 ? (ofCaller ?? []) : [...(ofCaller ?? []), ...ofTargets];
  return deps.budgets.reserve({ requestId, amountNanoUsd, budgets, partOf, fitInto, advise }).then((warnings) => {
    call.reservation = { outputLimit: limit, warnings: warnings.filter(isForClients).map(describeWarning), isReleased: false };
  });
}

/** The attempts that each budget of a provider or a model counts; `undefined` if there is none. */
function attemptsByBudget(call: ModelCall, attempts: readonly Attempt[]): ReadonlyMap<Budget, readonly Attempt[]> | undefined {
  const { budgets } = call.deps;
  let found: Map<Budget, Attempt[]> | undefined;
  for (const attempt of attempts) {
    const ofTarget = budgets.ofTarget(subjectOf(call, attempt));
    if (ofTarget === undefined) continue;
    found ??= new Map();
    for (const budget of ofTarget) {
      const list = found.get(budget);
      if (list === undefined) found.set(budget, [attempt]);
      else list.push(attempt);
    }
  }
  return found;
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
  const charge = chargeOf(call, entry, status);
  const { attempt, lost } = call;
  if (lost === undefined) budgets.finished(requestId, charge, attempt && subjectOf(call, attempt));
  // Until the rows are there, the budgets of both targets count both.
  else budgets.finished(requestId, charge === undefined ? undefined : charge + (chargeOf(call, lost, "cancelled") ?? 0n));
  return undefined;
}

function chargeOf(
  { current }: ModelCall,
  { usage, budgetCostNanoUsd: costNanoUsd }: AttemptEntry,
  status: EntryStatus,
): bigint | undefined {
  return budgetCharge({ status, usage, costNanoUsd }, current.budget.ceiling);
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

/** What a provider or a model has cost all users is no client's business. */
export function isForClients({ budget: { subject } }: Pick<BudgetWarning, "budget">): boolean {
  return subject !== "provider" && subject !== "model";
}

/** `user/month spent=15.2 warn=15 stop=20`, in US dollars. */
function describeWarning({ budget, spentNanoUsd }: BudgetWarning): string {
  const { subject, subjectId, period, stopNanoUsd, warnNanoUsd } = budget;
  const owner = subject === "tag" ? printSubject({ kind: "tag", name: subjectId }) : subject;
  const stop = stopNanoUsd === null ? "" : ` stop=${formatUsd(stopNanoUsd)}`;
  return `${owner}/${period} spent=${formatUsd(spentNanoUsd)} warn=${formatUsd(warnNanoUsd ?? 0n)}${stop}`;
}
