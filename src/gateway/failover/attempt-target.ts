import { GatewayError } from "../../core/index.ts";
import type { Attempt, Target } from "../../upstream/index.ts";
import { subjectOf } from "../admission/subject-of.ts";
import type { Bucket } from "../../limits/index.ts";
import { settleHold } from "../admission/take-limits.ts";
import { sendUpstream } from "../answers/send-upstream.ts";
import type { FailedAttempt } from "../delivery.ts";
import { limitReached } from "../errors/limit-reached.ts";
import { answerBuiltin } from "../lanes/answer-builtin.ts";
import { withCost } from "../lanes/cost-lane.ts";
import { countTokens } from "../lanes/count-tokens.ts";
import { openLane } from "../lanes/open-lane.ts";
import type { ModelCall } from "../model-call.ts";
import { forgetContextCache } from "../prompt-caches/settle-context-cache.ts";
import { useContextCache } from "../prompt-caches/use-context-cache.ts";
import { withFilterAsError } from "./filter-lane.ts";
import { hasTimeLeft } from "./has-time-left.ts";
import { reroute } from "./reroute.ts";
import { takeTarget } from "./target-limits.ts";

/**
 * How an attempt ended: `served` (or the client has left), with an error of the provider, `unfit` (the request cannot be made for this provider), `limited` (no place
 * was free within the limits of the provider or model), or `cut` (the client has left, or the gateway is shutting down: then with the error).
 */
export type AttemptOutcome =
  | "served"
  | FailedAttempt
  | { readonly unfit: GatewayError }
  | { readonly limited: GatewayError }
  | { readonly cut: GatewayError | undefined };

export interface AttemptOptions {
  /** An answer of which a content filter left nothing is an error: a fallback may answer. */
  readonly isFilterAnError: boolean;
  /** How long it may wait for a place within the limits of the provider or model; about a second if omitted. */
  readonly waitMs?: number;
}

/** An attempt at a target, as soon as that has room for it. */
export function attemptTarget(call: ModelCall, target: Target, options: AttemptOptions): Promise<AttemptOutcome> {
  const { limits } = call.deps;
  const buckets = limits.hasTargets ? limits.ofTarget(subjectOf(call, target.attempt)) : undefined;
  // Most requests need no promise more than this one.
  return buckets === undefined ? send(call, target, options) : sendLimited(call, target, options, buckets);
}

async function sendLimited(call: ModelCall, target: Target, options: AttemptOptions, buckets: readonly Bucket[]): Promise<AttemptOutcome> {
  const { attempt } = target;
  const taken = await takeTarget(call, { attempt, buckets, waitMs: options.waitMs });
  if ("end" in taken) return { cut: taken.end === "left" ? undefined : taken.end };
  if ("refusal" in taken) return { limited: limitReached(taken.refusal) };
  try {
    return await send(call, target, options);
  } finally {
    settleHold(call, taken.hold);
  }
}

async function send(call: ModelCall, planned: Target, { isFilterAnError }: AttemptOptions): Promise<AttemptOutcome> {
  const attempt: Attempt = reroute(call, planned.attempt);
  const target = attempt === planned.attempt ? planned : { attempt, state: planned.state };
  if (attempt.lane === "builtin") {
    await answerBuiltin(call, attempt);
    return "served";
  }
  if (call.request.traits.translation === "count") return (await countTokens(call, target)) ?? "served";
  let lane;
  try {
    lane = openLane(call, attempt);
    if (lane instanceof Promise) lane = await lane;
  } catch (error) {
    if (error instanceof GatewayError) return { unfit: error };
    throw error;
  }
  if (isFilterAnError) lane = withFilterAsError(lane);
  const cached = useContextCache(call, target, lane);
  const outcome = await sendUpstream(call, target, withCost(call, cached));
  if (cached === lane || outcome?.error.code !== "context_cache_gone") return outcome ?? "served";
  forgetContextCache(call, outcome.error);
  call.noteFailure({ reason: outcome.error.code, provider: attempt.provider.name, model: attempt.upstreamModel });
  // Too late: the refusal is the client's answer.
  if (!hasTimeLeft(call)) return outcome;
  return (await sendUpstream(call, target, withCost(call, lane))) ?? "served";
}
