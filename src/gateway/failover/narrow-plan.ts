import { GatewayError } from "../../core/index.ts";
import type { Usage } from "../../ir/index.ts";
import { fallbackReasons, type Attempt, type Fallback, type FallbackReason, type Plan } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";
import type { ClientRouting } from "./client-routing.ts";

/**
 * A plan as the request itself wants it: fewer targets, in another order, with fallbacks of its own. It never has more than the operator's configuration allows.
 * @param planOf the plan of another model, as far as the key may use it; `undefined`: it cannot be asked.
 * @throws GatewayError `model_not_found` if no target is left.
 */
export function narrowPlan(call: ModelCall, plan: Plan, wanted: ClientRouting, planOf: (model: string) => Plan | undefined): Plan {
  const attempts = narrowed(call, plan.attempts, wanted);
  if (attempts.length === 0) {
    throw new GatewayError(
      "model_not_found",
      `No provider of the model "${call.request.model}" is left by the field "provider" of the request. \`tokligence route explain MODEL\` shows all of them.`,
      { param: "provider" },
    );
  }
  const own: Fallback[] = wanted.models.flatMap((model) => {
    const found = narrowed(call, planOf(model)?.attempts ?? [], wanted);
    return found.length === 0 ? [] : [{ model, attempts: found }];
  });
  const strategy = wanted.strategy ?? (wanted.order.length > 0 ? "priority" : plan.strategy);
  // An order of the request's own counts more than a cache.
  const hasAffinity = plan.hasAffinity && wanted.order.length === 0;
  const configured = narrowedFallbacks(call, plan, wanted, attempts);
  // An order of the request's own also says when other gateways are asked.
  const bought = wanted.order.length > 0 ? undefined : plan.bought;
  return { ...plan, attempts, strategy, hasAffinity, fallbacks: own.length === 0 ? configured : withOwn(configured, own), bought };
}

/** The configured fallbacks as far as the request allows them: what it excludes is not asked after a failure either. */
function narrowedFallbacks(call: ModelCall, { fallbacks }: Plan, wanted: ClientRouting, attempts: readonly Attempt[]): Plan["fallbacks"] {
  if (fallbacks === undefined) return undefined;
  // Without an order, only the providers of the model itself are left.
  const isOther = ({ provider }: Attempt): boolean =>
    !wanted.allowsOthers && wanted.order.length === 0 && !attempts.some((attempt) => attempt.provider === provider);
  const kept: { [R in FallbackReason]?: readonly Fallback[] } = {};
  for (const reason of fallbackReasons) {
    const found = fallbacks[reason]?.flatMap((fallback) => {
      const left = narrowed(
        call,
        fallback.attempts.filter((attempt) => !isOther(attempt)),
        wanted,
      );
      return left.length === 0 ? [] : [{ ...fallback, attempts: left }];
    });
    if (found !== undefined) kept[reason] = found;
  }
  return kept;
}

/** The request's own come first, for every reason. */
function withOwn(configured: Plan["fallbacks"], own: readonly Fallback[]): NonNullable<Plan["fallbacks"]> {
  const fallbacks = configured ?? {};
  const any = [...own, ...(fallbacks.any ?? [])];
  return {
    any,
    quota: [...own, ...(fallbacks.quota ?? fallbacks.any ?? [])],
    overloaded: [...own, ...(fallbacks.overloaded ?? fallbacks.any ?? [])],
    credential: [...own, ...(fallbacks.credential ?? fallbacks.any ?? [])],
    context: [...own, ...(fallbacks.context ?? [])],
    filtered: [...own, ...(fallbacks.filtered ?? [])],
  };
}

function narrowed(call: ModelCall, attempts: readonly Attempt[], wanted: ClientRouting): readonly Attempt[] {
  const { order, only, ignore, allowsOthers } = wanted;
  const allowed = attempts.filter(
    (attempt) => (only.length === 0 || placeIn(only, attempt) >= 0) && placeIn(ignore, attempt) < 0 && isAffordable(call, attempt, wanted),
  );
  if (order.length === 0) return allowsOthers ? allowed : allowed.slice(0, 1);
  const ordered = allowed
    .filter((attempt) => placeIn(order, attempt) >= 0)
    .toSorted((one, other) => placeIn(order, one) - placeIn(order, other));
  return allowsOthers ? [...ordered, ...allowed.filter((attempt) => placeIn(order, attempt) < 0)] : ordered;
}

/** A provider goes by its name, or by one of its preset; -1: it is not named. */
function placeIn(names: readonly string[], { provider }: Attempt): number {
  const own = [provider.name, ...(provider.otherNames ?? [])].map((name) => name.toLowerCase());
  return names.findIndex((name) => own.includes(name));
}

/** A price that is not known may be too high. */
function isAffordable(call: ModelCall, attempt: Attempt, { maxInputUsd, maxOutputUsd }: ClientRouting): boolean {
  if (maxInputUsd === undefined && maxOutputUsd === undefined) return true;
  const input = perMillionUsd(call, attempt, "input");
  const output = perMillionUsd(call, attempt, "output");
  return (input ?? Infinity) <= (maxInputUsd ?? Infinity) && (output ?? Infinity) <= (maxOutputUsd ?? Infinity) && input !== undefined;
}

/** The price that lists show: that of short prompts, without what each request costs. */
function perMillionUsd(call: ModelCall, { provider, upstreamModel }: Attempt, what: "input" | "output"): number | undefined {
  const { ledger, clock } = call.deps;
  const costOf = (tokens: number): bigint | undefined => {
    const usage: Usage = { input: 0, output: 0, [what]: tokens };
    return ledger.cost(provider.name, upstreamModel, usage, clock.now());
  };
  const [once, twice] = [costOf(1000), costOf(2000)];
  return once === undefined || twice === undefined ? undefined : Number(twice - once) / 1e6;
}
