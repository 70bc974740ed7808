import { createBoundedCache, type Secret } from "../../core/index.ts";
import { KeyState, TargetState } from "./target-state.ts";

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

interface KnownKey {
  readonly secret: Secret | undefined;
  readonly state: KeyState;
}

export function createTargetStates(): TargetStates {
  const targets = createBoundedCache<KnownTarget>(maxTargets);
  // Keys come from the configuration.
  const keys = new Map<string, KnownKey>();
  const keyOf = (id: string, secret: Secret | undefined): KeyState => {
    const known = keys.get(id);
    if (known !== undefined && known.secret?.reveal() === secret?.reveal()) return known.state;
    const state = new KeyState();
    keys.set(id, { secret, state });
    return state;
  };
  const targetOf = (keyState: KeyState, { provider, model, keyId }: Omit<KnownTarget, "state">, index: number): TargetState => {
    const name = `${keyId} ${model}`;
    const known = targets.get(name)?.state;
    // Another key under the same name has limits of its own.
    if (known?.keyState === keyState) return known;
    const state = new TargetState(index, keyState);
    targets.set(name, { provider, model, keyId, state });
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
  };
}
