import { isRefusal, type Bucket, type LimitHold, type LimitOutcome } from "../../limits/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import { limitReached } from "../errors/limit-reached.ts";
import type { ModelCall } from "../model-call.ts";
import { reservedTokens } from "../tokens/reserved-tokens.ts";

/**
 * Takes the request from the limits of its user, its key, the keys that this one was made with, and their tags. `undefined`, and no promise, if there are none
 * or they are counted in this process. The request counts once, however many attempts it takes.
 * @throws GatewayError `limit_reached`.
 */
export function takeLimits(call: ModelCall, attempts: readonly Attempt[]): Promise<void> | undefined {
  const { limits } = call.deps;
  const buckets = limits.ofCaller(call.request.principal);
  if (buckets === undefined) return undefined;
  const outcome = limits.take(buckets, tokensFor(call, buckets, attempts[0]));
  if (outcome instanceof Promise) return outcome.then((settled) => admitOrRefuse(call, buckets, settled));
  admitOrRefuse(call, buckets, outcome);
  return undefined;
}

function admitOrRefuse(call: ModelCall, buckets: readonly Bucket[], outcome: LimitOutcome): void {
  const isRefused = isRefusal(outcome);
  call.limits = { buckets, hold: isRefused ? undefined : outcome };
  if (isRefused) throw limitReached(outcome);
}

/** What to reserve; 0 if no limit counts tokens. */
export function tokensFor(call: ModelCall, buckets: readonly Bucket[], attempt: Attempt | undefined): number {
  if (attempt === undefined) return 0;
  for (const { counts } of buckets) if (counts === "tokens") return reservedTokens(call, attempt);
  return 0;
}

/** The request is over: a failed one gives back what it took, any other one has used what its row says. Called again, it does nothing. */
export function settleLimits(call: ModelCall): void {
  if (call.limits?.hold !== undefined) settleHold(call, call.limits.hold);
}

/** The same for what an attempt took. */
export function settleHold(call: ModelCall, hold: LimitHold): void {
  if (hold.isSettled) return;
  const status = call.settlement?.status;
  const isFailed = status === undefined || status === "error" || status === "refused";
  call.deps.limits.settle(hold, isFailed ? undefined : usedTokens(call));
}

function usedTokens({ entry, lost }: ModelCall): number {
  return tokensOf(entry) + tokensOf(lost);
}

function tokensOf(entry: AttemptEntry | undefined): number {
  if (entry === undefined) return 0;
  const { input = 0, output = 0 } = entry.usage;
  return input + output;
}
