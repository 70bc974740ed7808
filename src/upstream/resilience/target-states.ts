import { createHash } from "node:crypto";
import { createBoundedCache, type Secret } from "../../core/index.ts";
import { KeyState, TargetState, type TargetNews } from "./target-state.ts";

/** A provider, as far as its targets differ. */
export interface KeyedProvider {
  readonly name: string;
  readonly keys: readonly { readonly id: string; readonly secret: Secret }[];
}

/** The states of all targets. They outlive a reload; a lost one is harmless. */
export interface TargetStates {
  /** Those of a model at a provider: one for each of its keys, in their order; one if it has no key. Called when a plan is made, not for each request. */
  of(provider: KeyedProvider, upstreamModel: string): readonly TargetState[];
  /** All targets that plans were made for, of late. */
  list(): readonly KnownTarget[];
  /** What this process has learned since the last call. */
  takeNews(nowMs: number): readonly NewsOfTarget[];
  /** What another process has learned. */
  hear(news: readonly NewsOfTarget[], nowMs: number): void;
}

/** For other processes, which may have other keys under the same ids. */
export interface NewsOfTarget {
  readonly keyId: string;
  /** Tells keys apart, and does not give them away. */
  readonly fingerprint: string;
  readonly model: string;
  readonly news: TargetNews;
}

export interface KnownTarget {
  readonly provider: string;
  readonly model: string;
  /** The id of the provider's key; the provider's name if it has none. */
  readonly keyId: string;
  readonly state: TargetState;
}

/** Names of models come from clients. */
const maxTargets = 10_000;
const maxHeard = 1000;

interface KnownKey {
  readonly secret: Secret | undefined;
  readonly fingerprint: string;
  readonly state: KeyState;
}

function fingerprintOf(secret: Secret | undefined): string {
  return secret === undefined ? "" : createHash("sha256").update(`tokligence ${secret.reveal()}`).digest("hex").slice(0, 16);
}

export function createTargetStates(): TargetStates {
  const targets = createBoundedCache<KnownTarget>(maxTargets);
  /** The last news of targets that this process has not used yet. */
  const heard = createBoundedCache<{ readonly news: TargetNews; readonly fingerprint: string; readonly atMs: number }>(maxHeard);
  // Keys come from the configuration.
  const keys = new Map<string, KnownKey>();
  const keyOf = (id: string, secret: Secret | undefined): KeyState => {
    const known = keys.get(id);
    if (known !== undefined && known.secret?.reveal() === secret?.reveal()) return known.state;
    const state = new KeyState();
    keys.set(id, { secret, fingerprint: fingerprintOf(secret), state });
    return state;
  };
  const targetOf = (keyState: KeyState, { provider, model, keyId }: Omit<KnownTarget, "state">, index: number): TargetState => {
    const name = `${keyId} ${model}`;
    const known = targets.get(name)?.state;
    // Another key under the same name has limits of its own.
    if (known?.keyState === keyState) return known;
    const state = new TargetState(index, keyState);
    targets.set(name, { provider, model, keyId, state });
    const news = heard.get(name);
    if (news !== undefined && news.fingerprint === keys.get(keyId)?.fingerprint) state.hear(news.news, news.atMs);
    return state;
  };
  return {
    of({ name, keys }, upstreamModel) {
      if (keys.length === 0) return [targetOf(keyOf(name, undefined), { provider: name, model: upstreamModel, keyId: name }, 0)];
      return keys.map(({ id, secret }, index) => targetOf(keyOf(id, secret), { provider: name, model: upstreamModel, keyId: id }, index));
    },
    list() {
      const all: KnownTarget[] = [];
      targets.forEach((target) => all.push(target));
      return all;
    },
    takeNews(nowMs) {
      const all: NewsOfTarget[] = [];
      targets.forEach(({ keyId, model, state }) => {
        const news = state.takeNews(nowMs);
        const key = keys.get(keyId);
        if (news !== undefined && key?.state === state.keyState) all.push({ keyId, fingerprint: key.fingerprint, model, news });
      });
      return all;
    },
    hear(all, nowMs) {
      for (const { keyId, fingerprint, model, news } of all) {
        const name = `${keyId} ${model}`;
        const state = targets.get(name)?.state;
        const key = keys.get(keyId);
        if (state === undefined) heard.set(name, { news, fingerprint, atMs: nowMs });
        if (state !== undefined && key?.state === state.keyState && key.fingerprint === fingerprint) state.hear(news, nowMs);
      }
    },
  };
}
