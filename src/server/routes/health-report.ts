/** One dependency as `/health` shows it. Times are RFC 3339. */
export interface DependencyHealth {
  readonly name: string;
  /** `idle`: a provider that has not been asked, or not for a while. `degraded`: it serves, and its message says what is about to go wrong. */
  readonly state: "up" | "degraded" | "down" | "idle" | "disabled";
  readonly latency_ms: number | null;
  /** Why it is not up. */
  readonly message: string | null;
  /** Since when it is in this state, as far as this process knows. */
  readonly since: string | null;
  readonly last_error: string | null;
  readonly last_error_at: string | null;
}

/** A part of the gateway, such as Redis, that reports how it is. */
export interface PartHealth {
  readonly name: string;
  readonly state: "up" | "degraded" | "down";
  readonly latencyMs?: number;
  readonly message: string | null;
}

/** A provider as `/health` shows it. */
export interface ProviderReport extends DependencyHealth {
  readonly keys: readonly DependencyHealth[];
}

/** What `/health` shows. */
export interface HealthReport {
  readonly status: "ok" | "degraded" | "unavailable";
  readonly version: string;
  readonly uptime_seconds: number;
  readonly dependencies: readonly DependencyHealth[];
  readonly providers: readonly ProviderReport[];
}
