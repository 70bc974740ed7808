/** When a target that fails is left alone: `routing.breaker` of the configuration. */
export interface BreakerSettings {
  /** Failures in a row. */
  readonly inARow: number;
  /** Or this share, from 0 to 1, of the last `of` answers, if they came within `windowMs`. */
  readonly share: number;
  readonly of: number;
  readonly windowMs: number;
  /** How long it is left alone before one request probes it. */
  readonly openMs: number;
}

/** How attempts are made: `routing` of the configuration. */
export interface ResilienceSettings {
  /** Most retries of one request at a target that it has tried before. */
  readonly retries: number;
  /** Most of the requests in flight that may be such retries, from 0 to 1. */
  readonly retryShare: number;
  readonly breaker: BreakerSettings;
}

export const defaultResilience: ResilienceSettings = {
  retries: 2,
  retryShare: 0.2,
  breaker: { inARow: 5, share: 0.5, of: 20, windowMs: 10_000, openMs: 30_000 },
};
