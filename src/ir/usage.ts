/**
 * Tokens of one answer, with the same meaning for all protocols. `undefined` means that the upstream reported nothing; it is not 0. `input` is the
 * whole prompt, cached parts included; `output` is everything that was generated, reasoning included.
 */
export interface Usage {
  readonly input?: number;
  readonly output?: number;
  /** Part of `input` that was read from a cache. */
  readonly cacheRead?: number;
  /** Part of `input` that was written to a cache with the short lifetime (5 minutes, for vendors that have two). */
  readonly cacheWrite5m?: number;
  readonly cacheWrite1h?: number;
  /** Part of `output` that was reasoning. */
  readonly reasoning?: number;
  /** The class of service that is billed, if it is not the standard one. */
  readonly tier?: ServiceTier;
}

/** Classes of service with their own prices. */
export type ServiceTier = "batch" | "flex" | "priority";

/**
 * Reads a class of service from an upstream's answer (OpenAI's and Anthropic's `service_tier`). The standard class and unknown ones are `undefined`.
 */
export function readServiceTier(value: unknown): ServiceTier | undefined {
  return value === "batch" || value === "flex" || value === "priority" ? value : undefined;
}

/** A token count as a safe, whole, non-negative number; anything else is `undefined` (negative, NaN, 1e308, a string). */
export function readTokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= 1e12 ? value : undefined;
}

/** Combines two reports field by field: in a stream, the last report of each number counts. */
export function mergeUsage(earlier: Usage | undefined, later: Usage): Usage {
  return earlier === undefined ? later : { ...earlier, ...later };
}
