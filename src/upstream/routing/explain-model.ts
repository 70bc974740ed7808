import { messageOf } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import type { Attempt, Lane, Plan, PlanInput, ResolvedTarget, WorkMode } from "../types.ts";
import type { Catalog } from "./catalog.ts";
import { fallbackReasons, type FallbackReason, type Hedge, type Strategy } from "./targets.ts";

/** One target of a model or of its fallbacks: whether a request may go to it now, and what is known of it. */
export interface ExplainedTarget {
  /** `target`, or the reason of the fallbacks that it belongs to. */
  readonly role: "target" | FallbackReason;
  readonly provider: string;
  readonly model: string;
  /** The id of the provider's key; `null` if it has none, or the target cannot be asked. */
  readonly key: string | null;
  readonly protocol: ProtocolId | null;
  readonly lane: Lane | null;
  readonly isKept: boolean;
  /** Why it is passed over; `null` if it is kept. */
  readonly reason: string | null;
  readonly weight: number;
  /** Averages of the last minutes; `null`: not measured. */
  readonly firstContentMs: number | null;
  readonly totalMs: number | null;
  /** In this time 95 % of the last streams had content, and of the last whole answers were there; `null`: too few were measured. */
  readonly firstContentP95Ms: number | null;
  readonly totalP95Ms: number | null;
  readonly inFlight: number;
}

/** How a model would be served, in words for people: `tokligence route explain`. */
export interface ModelExplanation {
  readonly model: string;
  readonly dialect: ProtocolId;
  /** What was checked, in order, each with its outcome. */
  readonly steps: readonly string[];
  readonly attempts: readonly { readonly provider: string; readonly model: string; readonly protocol: ProtocolId; readonly lane: Lane }[];
  readonly strategy: Strategy;
  /** A conversation stays at one target. */
  readonly affinity: boolean;
  /** When a second target is asked at the same time, in milliseconds, or by what was measured; `null`: never. */
  readonly hedge: Hedge | null;
  /** Every target, and then those of fallbacks, in the order of the configuration. */
  readonly targets: readonly ExplainedTarget[];
  /** Why there is no attempt. */
  readonly problem?: string;
}

export interface ExplainInput {
  readonly model: string;
  readonly dialect: ProtocolId;
  readonly workMode: WorkMode;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Whether a key may use a target, under the name that was asked for or that of a fallback; all targets if omitted. */
  readonly mayUse?: ((name: string, target: ResolvedTarget) => boolean) | undefined;
}

export function explainModel(catalog: Catalog, { model, dialect, workMode, nowMs, mayUse = () => true }: ExplainInput): ModelExplanation {
  const { steps, strategy, hasAffinity: affinity, hedge = null, passedOver } = catalog.resolve(model);
  const input: PlanInput = { model, clientProtocol: dialect, operation: "generate", workMode };
  const { plan, problem } = planOf(catalog, input);
  const planned = plan?.attempts ?? [];
  const excluded = planOf(catalog, { ...input, workMode: "auto" }).plan?.attempts.filter(
    (attempt) => !planned.some((kept) => isSame(kept, attempt)),
  );
  const isAllowed = (name: string, { provider, upstreamModel }: Attempt): boolean =>
    mayUse(name, { provider: provider.name, upstreamModel });
  const attempts = planned.filter((attempt) => isAllowed(model, attempt));
  const explain = (role: ExplainedTarget["role"], name: string, list: readonly Attempt[]): ExplainedTarget[] =>
    list.flatMap((attempt) =>
      isAllowed(name, attempt)
        ? explainAttempt(role, attempt, nowMs)
        : [passed(attempt.provider.name, attempt.upstreamModel, keyReason, role)],
    );
  return {
    model,
    dialect,
    steps,
    attempts: attempts.map(({ provider, upstreamModel, protocol, lane }) => ({
      provider: provider.name,
      model: upstreamModel,
      protocol,
      lane,
    })),
    strategy,
    affinity,
    hedge,
    targets: [
      ...explain("target", model, planned),
      ...(excluded ?? []).map((attempt) => passed(attempt.provider.name, attempt.upstreamModel, `gateway.work_mode is ${workMode}`)),
      ...passedOver.map(({ provider, upstreamModel, reason }) => passed(provider, upstreamModel, reason)),
      ...fallbackReasons.flatMap((reason) =>
        (plan?.fallbacks?.[reason] ?? []).flatMap((fallback) => explain(reason, fallback.model, fallback.attempts)),
      ),
    ],
    ...problemOf(problem, planned, attempts),
  };
}

function planOf(catalog: Catalog, input: PlanInput): { readonly plan?: Plan; readonly problem?: string } {
  try {
    return { plan: catalog.plan(input) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function isSame(one: Attempt, other: Attempt): boolean {
  return one.provider === other.provider && one.upstreamModel === other.upstreamModel;
}

const keyReason = "the model list of the key excludes it";

function problemOf(
  problem: string | undefined,
  planned: readonly Attempt[],
  attempts: readonly Attempt[],
): Pick<ModelExplanation, "problem"> {
  if (problem !== undefined) return { problem };
  return planned.length > 0 && attempts.length === 0 ? { problem: "The model list of the key excludes all targets of this model." } : {};
}

function passed(provider: string, model: string, reason: string, role: ExplainedTarget["role"] = "target"): ExplainedTarget {
  const none = {
    key: null,
    protocol: null,
    lane: null,
    firstContentMs: null,
    totalMs: null,
    firstContentP95Ms: null,
    totalP95Ms: null,
    inFlight: 0,
    weight: 1,
  };
  return { role, provider, model, isKept: false, reason, ...none };
}

function explainAttempt(role: ExplainedTarget["role"], attempt: Attempt, nowMs: number): ExplainedTarget[] {
  const { provider, upstreamModel, protocol, lane, weight, states } = attempt;
  return states.map((state) => {
    const { firstContentMs, totalMs, inFlight } = state.measures;
    const availability = state.availability(nowMs);
    const isKept = availability === "ready" || availability === "probe";
    return {
      role,
      provider: provider.name,
      model: upstreamModel,
      key: provider.keys[state.keyIndex]?.id ?? null,
      protocol,
      lane,
      isKept,
      reason: isKept ? null : reasonOf(state, nowMs),
      weight,
      firstContentMs: rounded(firstContentMs.value),
      totalMs: rounded(totalMs.value),
      firstContentP95Ms: rounded(firstContentMs.p95),
      totalP95Ms: rounded(totalMs.p95),
      inFlight,
    };
  });
}

const words = {
  throttled: "its provider limits the rate of this key",
  quota: "the quota of this key is used up",
  credential: "its provider refuses this key",
  overloaded: "its provider is overloaded",
  breaker: "it has failed too often (breaker)",
} as const;

function reasonOf({ block, untilMs }: Attempt["states"][number], nowMs: number): string {
  const what = block === undefined ? "it is left alone" : words[block];
  const seconds = Math.ceil((untilMs - nowMs) / 1000);
  return seconds > 0 ? `${what}, for ${seconds} s more` : `${what}; a request probes it`;
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value);
}
