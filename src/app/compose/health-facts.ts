import type { Clock } from "../../core/index.ts";
import type { KeyBlock, ProviderFacts } from "../../server/index.ts";
import type { KnownTarget, ListingOutcome, Provider, ProviderHealth, ProviderKey } from "../../upstream/index.ts";

/** A provider that was asked in this time is not probed. */
const quietMs = 60_000;

/** What this process knows of providers and their keys; it outlives a reload. */
export interface HealthFacts {
  readonly providerHealth: ProviderHealth;
  readonly keyHealth: ProviderHealth;
  /** What probes have shown counts as requests do. */
  readonly onOutcome: (provider: Provider, key: ProviderKey | undefined, outcome: ListingOutcome) => void;
  /** Nobody has asked the provider for a minute. */
  readonly isIdle: (provider: string) => boolean;
}

export function createHealthFacts(clock: Clock, providerHealth: ProviderHealth, keyHealth: ProviderHealth): HealthFacts {
  return {
    providerHealth,
    keyHealth,
    onOutcome({ name }, key, { isReachable, latencyMs, message }) {
      providerHealth.record(name, isReachable, latencyMs, message);
      if (key !== undefined) keyHealth.record(key.id, isReachable, latencyMs, message);
    },
    isIdle: (provider) => clock.now() - providerHealth.lastAtMs(provider) >= quietMs,
  };
}

/** What this process has seen, to be put together with what other processes have. */
export function readHealthFacts({ providerHealth, keyHealth }: HealthFacts, targets: readonly KnownTarget[], nowMs: number): ProviderFacts {
  return { providers: providerHealth.snapshot(), keys: keyHealth.snapshot(), blocks: findBlocks(targets, nowMs) };
}

/** The longest block of each kind for each key. */
function findBlocks(targets: readonly KnownTarget[], nowMs: number): KeyBlock[] {
  const blocks = new Map<string, KeyBlock>();
  for (const { provider, keyId, state } of targets) {
    const { block, untilMs } = state;
    if (block === undefined) continue;
    const id = `${keyId} ${block}`;
    const leftMs = Math.max(0, untilMs - nowMs);
    // When such a time is over, the next request goes out as usual.
    if (leftMs === 0 && (block === "throttled" || block === "overloaded")) continue;
    if (leftMs >= (blocks.get(id)?.leftMs ?? -1)) blocks.set(id, { provider, keyId, block, leftMs });
  }
  return [...blocks.values()];
}
