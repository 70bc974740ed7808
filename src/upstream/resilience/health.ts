import type { Clock } from "../../core/index.ts";

/** What requests have shown of a provider. Passive: no extra requests are made. */
export interface ProviderState {
  readonly provider: string;
  /** The outcome of the last request. */
  readonly ok: boolean;
  /** Milliseconds since 1970 of the last request's outcome. */
  readonly lastAtMs: number;
  /** Time to the answer's head, a moving average with more weight on recent requests. Only successes count, unless no request has ever succeeded. */
  readonly latencyMs: number;
  readonly successes: number;
  readonly failures: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
  /** The message of the last failure, while `ok` is false; it contains no secret. */
  readonly message?: string;
}

export interface ProviderHealth {
  record(provider: string, ok: boolean, latencyMs: number, message?: string): void;
  /** In the order in which the providers were first used. */
  snapshot(): readonly ProviderState[];
}

/** Weight of the newest latency in the average. */
const newestWeight = 0.2;

type MutableState = { -readonly [K in keyof ProviderState]: ProviderState[K] };

export function createProviderHealth(deps: { readonly clock: Clock }): ProviderHealth {
  // The keys are names of configured providers, so a client cannot add any.
  const states = new Map<string, MutableState>();
  return {
    record(provider, ok, latencyMs, message) {
      let state = states.get(provider);
      if (state === undefined) {
        state = { provider, ok, lastAtMs: 0, latencyMs, successes: 0, failures: 0, consecutiveFailures: 0 };
        states.set(provider, state);
      }
      if (ok) {
        state.latencyMs = state.successes === 0 ? latencyMs : state.latencyMs + (latencyMs - state.latencyMs) * newestWeight;
        state.successes += 1;
        state.consecutiveFailures = 0;
        delete state.message;
      } else {
        state.failures += 1;
        state.consecutiveFailures += 1;
        if (message === undefined) delete state.message;
        else state.message = message;
      }
      state.ok = ok;
      state.lastAtMs = deps.clock.now();
    },
    snapshot: () => [...states.values()].map((state) => ({ ...state })),
  };
}
