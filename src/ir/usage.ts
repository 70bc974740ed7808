/**
 * Tokens of one answer, in one meaning for all protocols. `undefined` means that the upstream said nothing; it is not 0.
 * `input` is the whole prompt, cached parts included; `output` is all that was generated, reasoning included.
 */
export interface Usage {
  readonly input?: number;
  readonly output?: number;
  /** Part of `input` that was read from a cache. */
  readonly cacheRead?: number;
  /** Part of `input` that was written to a cache with the short lifetime (5 minutes where the vendor has two). */
  readonly cacheWrite5m?: number;
  readonly cacheWrite1h?: number;
  /** Part of `output` that was reasoning. */
  readonly reasoning?: number;
  /** The class of service that it is billed as, where that is not the standard one. */
  readonly tier?: ServiceTier;
}

/** Classes of service that have prices of their own. */
export type ServiceTier = "batch" | "flex" | "priority";

/** What an upstream says of its class of service (OpenAI's and Anthropic's `service_tier`); the standard one, and what nobody knows, is `undefined`. */
export function readServiceTier(value: unknown): ServiceTier | undefined {
  return value === "batch" || value === "flex" || value === "priority" ? value : undefined;
}

/** A token count as a safe, whole, non-negative number; anything else is `undefined` (negative, NaN, 1e308, a string). */
export function readTokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= 1e12 ? value : undefined;
}

/** `later` over `earlier`, field by field: in a stream, the last report of each number counts. */
export function mergeUsage(earlier: Usage | undefined, later: Usage): Usage {
  return earlier === undefined ? later : { ...earlier, ...later };
}
