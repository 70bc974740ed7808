import type { Units } from "./units.ts";

/** Plain tokens. `input` is the whole prompt, cached parts included; `output` is everything that was generated, reasoning included. */
export interface TokenCounts {
  readonly input?: number;
  readonly output?: number;
  /** Part of `input` that was read from a cache. */
  readonly cacheRead?: number;
  /** Part of `input` that was written to a cache with the short lifetime: 5 minutes, at OpenAI 30. */
  readonly cacheWrite5m?: number;
  /** With the long lifetime: an hour, at OpenAI 12. */
  readonly cacheWrite1h?: number;
  /** Part of `output` that was reasoning. */
  readonly reasoning?: number;
}

/**
 * What one answer used, with the same meaning for all protocols. `undefined` means that the upstream reported nothing; it is not 0. Most answers have only plain
 * tokens: then the fields below are absent.
 */
export interface Usage extends TokenCounts {
  readonly units?: Units;
  /** Model calls that the counts above do not include. */
  readonly iterations?: readonly Iteration[];
  /** The class of service that is billed, if it is not the standard one. */
  readonly tier?: ServiceTier;
  /** The speed that the answer was served with, if it is not the standard one. */
  readonly speed?: string;
  /** The region that the answer was served from, if the vendor reports one that may have its own price. */
  readonly region?: string;
  /** What the upstream says that it bills, in US dollars. Believed only from servers that are known to report dollars. */
  readonly vendorCostUsd?: number;
}

/** A further model call behind one answer: a compaction of the conversation, the advice of another model, an image, a turn before the last one of an answer that paused. */
export interface Iteration extends TokenCounts {
  readonly kind: "compaction" | "advisor" | "image_generation" | "paused_turn";
  /** The model, if it is not the one that answered; "" if it is another one and not known. */
  readonly model?: string;
  readonly units?: Units;
}

/** Classes of service with their own prices. `other` is one that this program does not know, whose price is unknown. */
export type ServiceTier = "batch" | "flex" | "priority" | "ultrafast" | "off_peak" | "provisioned" | "other";

const standardTiers: ReadonlySet<string> = new Set(["", "auto", "default", "standard", "standard_only", "on_demand", "unspecified"]);
const tiers: Readonly<Record<string, ServiceTier>> = {
  batch: "batch",
  flex: "flex",
  priority: "priority",
  fast: "priority",
  ultrafast: "ultrafast",
  on_demand_priority: "priority",
  on_demand_flex: "flex",
  on_demand_offpeak: "off_peak",
  provisioned_throughput: "provisioned",
};

/**
 * Reads a class of service from an upstream's answer: `service_tier` (OpenAI, Anthropic, Groq), `trafficType` and `x-gemini-service-tier` (Google).
 * The standard class is `undefined`.
 */
export function readServiceTier(value: unknown): ServiceTier | undefined {
  if (typeof value !== "string") return undefined;
  const word = value.toLowerCase();
  if (standardTiers.has(word) || word === "traffic_type_unspecified") return undefined;
  return Object.hasOwn(tiers, word) ? tiers[word] : "other";
}

/** Combines two reports field by field: in a stream, the last report of each number counts. */
export function mergeUsage(earlier: Usage | undefined, later: Usage): Usage {
  if (earlier === undefined) return later;
  if (earlier.units === undefined || later.units === undefined) return { ...earlier, ...later };
  return { ...earlier, ...later, units: { ...earlier.units, ...later.units } };
}
