import type { Clock } from "../../core/index.ts";

/** What requests have shown of a provider, or of one of its keys. */
export interface ProviderState {
  /** The provider's name, or the key's id. */
  readonly name: string;
  /** The outcome of the last request. */
  readonly ok: boolean;
  /** Milliseconds since 1970 of the last request's outcome. */
  readonly lastAtMs: number;
  /** Milliseconds since 1970 of the first outcome that was as the last one, without another in between. */
  readonly sinceMs: number;
  /** Time to the answer's head, a moving average with more weight on recent requests. Only successes count, unless no request has ever succeeded. */
  readonly latencyMs: number;
  readonly successes: number;
  readonly failures: number;
  /** Failures since the last success. */
  readonly consecutiveFailures: number;
  /** The message of the last failure, also after a success; it contains no secret. */
  readonly lastError?: string;
  /** Milliseconds since 1970. */
  readonly lastErrorAtMs?: number;
}

export interface ProviderHealth {
  record(name: string, ok: boolean, latencyMs: number, message?: string): void;
  /** When it was last asked, milliseconds since 1970; 0: never. */
  lastAtMs(name: string): number;
  /** In the order in which they were first used. */
  snapshot(): readonly ProviderState[];
}

/** Weight of the newest latency in the average. */
const newestWeight = 0.2;

type MutableState = { -readonly [K in keyof ProviderState]: ProviderState[K] };

export function createProviderHealth(deps: { readonly clock: Clock }): ProviderHealth {
  // The keys are names of the configuration, so a client cannot add any.
  const states = new Map<string, MutableState>();
  return {
    record(name, ok, latencyMs, message) {
      const nowMs = deps.clock.now();
      let state = states.get(name);
      if (state === undefined) {
        state = { name, ok, lastAtMs: 0, sinceMs: nowMs, latencyMs, successes: 0, failures: 0, consecutiveFailures: 0 };
        states.set(name, state);
      }
      if (state.ok !== ok) state.sinceMs = nowMs;
      if (ok) {
        state.latencyMs = state.successes === 0 ? latencyMs : state.latencyMs + (latencyMs - state.latencyMs) * newestWeight;
        state.successes += 1;
        state.consecutiveFailures = 0;
      } else {
        state.failures += 1;
        state.consecutiveFailures += 1;
        state.lastErrorAtMs = nowMs;
        if (message === undefined) delete state.lastError;
        else state.lastError = message;
      }
      state.ok = ok;
      state.lastAtMs = nowMs;
    },
    lastAtMs: (name) => states.get(name)?.lastAtMs ?? 0,
    snapshot: () => [...states.values()].map((state) => ({ ...state })),
  };
}

/** What several processes have seen: of each, the latest. The numbers of requests are added. */
export function mergeStates(all: readonly (readonly ProviderState[])[]): readonly ProviderState[] {
  const merged = new Map<string, ProviderState>();
  for (const state of all.flat()) {
    const known = merged.get(state.name);
    merged.set(state.name, known === undefined ? state : mergeState(known, state));
  }
  return [...merged.values()];
}

function mergeState(one: ProviderState, other: ProviderState): ProviderState {
  const [latest, earlier] = one.lastAtMs >= other.lastAtMs ? [one, other] : [other, one];
  const failed = (latest.lastErrorAtMs ?? 0) >= (earlier.lastErrorAtMs ?? 0) ? latest : earlier;
  const { lastError, lastErrorAtMs } = failed;
  return {
    ...latest,
    successes: one.successes + other.successes,
    failures: one.failures + other.failures,
    ...(lastErrorAtMs === undefined ? {} : { lastErrorAtMs }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}
