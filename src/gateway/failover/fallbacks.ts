import type { RefusalKind } from "../../core/index.ts";
import type { Attempt, Fallback, FallbackReason, Plan } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";

/** The fallbacks of a request; `undefined` if it has none, or goes on from what one provider alone stores. */
export function fallbacksOf({ plan, pinnedKey, continued, request }: ModelCall): Plan["fallbacks"] {
  const { conversation, background } = request.envelope;
  if (plan?.fallbacks === undefined || pinnedKey !== undefined || continued !== undefined) return undefined;
  return conversation === true || background === true ? undefined : plan.fallbacks;
}

/** The attempts of a request, and those of all its fallbacks: any of them may be made. */
export function withFallbacks(call: ModelCall, attempts: readonly Attempt[]): readonly Attempt[] {
  const fallbacks = fallbacksOf(call);
  if (fallbacks === undefined) return attempts;
  return [...attempts, ...Object.values(fallbacks).flatMap((list) => list.flatMap((fallback) => fallback.attempts))];
}

/** Which list is for which failure. */
const reasonOf: Readonly<Record<RefusalKind, Exclude<FallbackReason, "any"> | undefined>> = {
  throttled: "quota",
  quota: "quota",
  overloaded: "overloaded",
  broken: "overloaded",
  unreachable: "overloaded",
  timeout: "overloaded",
  credential: "credential",
  context: "context",
  filtered: "filtered",
  client: undefined,
};

/**
 * The fallbacks for a failure: the list of its reason, else `any`. A request that is too long, or that a filter refused, is not sent elsewhere unless a list of that
 * reason says so.
 */
export function fallbacksFor(call: ModelCall, kind: RefusalKind): readonly Fallback[] | undefined {
  const fallbacks = fallbacksOf(call);
  const reason = reasonOf[kind];
  if (fallbacks === undefined || reason === undefined) return undefined;
  return fallbacks[reason] ?? (reason === "context" || reason === "filtered" ? undefined : fallbacks.any);
}
