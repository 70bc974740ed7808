import type { Caching } from "../../protocols/index.ts";

/** How the first target of a request is chosen among those of a model. */
export const strategies = ["priority", "weighted", "cheapest", "fastest", "least-busy"] as const;
export type Strategy = (typeof strategies)[number];

/** Why a model's targets have failed, as far as fallbacks differ by it. */
export const fallbackReasons = ["context", "quota", "overloaded", "credential", "filtered", "any"] as const;
export type FallbackReason = (typeof fallbackReasons)[number];

/**
 * When a second target is asked while the first one is silent: after this time, in milliseconds, or after the time in which 95 % of the first target's answers have
 * begun.
 */
export type Hedge = number | "p95";

/** One target of a model, as configured: `provider/model`, or a model that is found as any other. */
export interface TargetSetting {
  readonly model: string;
  /** Its share of the requests, by `weighted`; what it can bear, by `least-busy`. 1 or more. */
  readonly weight: number;
}

/** A model of the operator's own: `models` of the configuration. */
export interface ModelSetting {
  readonly targets: readonly TargetSetting[];
  /** `routing.strategy` if omitted. */
  readonly strategy?: Strategy;
  /** Whether a conversation stays at one target; `routing.affinity` if omitted. */
  readonly hasAffinity?: boolean;
  /** Never if omitted. */
  readonly hedge?: Hedge;
  /** How prompts are marked for its providers' caches; the provider's own setting if omitted. */
  readonly caching?: Caching;
}

/** The models to ask when all targets of a model have failed, by reason: `fallbacks` of the configuration. */
export type FallbackLists = { readonly [R in FallbackReason]?: readonly string[] };

/** What the configuration says of targets. */
export interface TargetTable {
  readonly models: ReadonlyMap<string, ModelSetting>;
  /** A pattern and its lists, in the order written. */
  readonly fallbacks: readonly (readonly [pattern: string, lists: FallbackLists])[];
  readonly strategy: Strategy;
  readonly hasAffinity: boolean;
}

export const noTargetTable: TargetTable = { models: new Map(), fallbacks: [], strategy: "priority", hasAffinity: true };
