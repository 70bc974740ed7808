import { nextKeyIndex, type Attempt, type Target, type TargetState } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";

/** What a request has tried already. */
export interface Tried {
  readonly states: readonly TargetState[];
  /** None of their keys is of use: the provider failed, or the request cannot be made for it. */
  readonly attempts: readonly Attempt[];
}

const nothing: Tried = { states: [], attempts: [] };

interface Choice {
  /** Nothing speaks against the target. */
  readonly isReady: boolean;
  readonly target: Target | undefined;
}

/**
 * The first target to ask, in the order of the attempts; the keys of a provider take turns. If none is ready, the first one that is not out: the last target never
 * stays away for its failures alone.
 */
export function chooseFirst(call: ModelCall, attempts: readonly Attempt[]): Choice {
  return choose(call, attempts, nothing);
}

/** The next target that is ready; `undefined`: there is none. */
export function chooseNext(call: ModelCall, attempts: readonly Attempt[], tried: Tried): Target | undefined {
  const { isReady, target } = choose(call, attempts, tried);
  return isReady ? target : undefined;
}

/** The first target, whatever is known of it. */
export function chooseAny(call: ModelCall, attempts: readonly Attempt[]): Target | undefined {
  const attempt = attempts[0];
  return attempt === undefined ? undefined : { attempt, state: attempt.states[pinnedIndex(call, attempt) ?? 0]! };
}

function choose(call: ModelCall, attempts: readonly Attempt[], tried: Tried): Choice {
  let lastResort: Target | undefined;
  let nowMs: number | undefined;
  for (const attempt of attempts) {
    if (tried.attempts.includes(attempt)) continue;
    const { states } = attempt;
    const pinned = pinnedIndex(call, attempt);
    const first = pinned ?? nextKeyIndex(attempt.provider);
    const end = first + (pinned === undefined ? states.length : 1);
    for (let at = first; at < end; at++) {
      const state = states[at % states.length]!;
      if (tried.states.includes(state)) continue;
      if (state.isClear) return { isReady: true, target: { attempt, state } };
      nowMs ??= call.deps.clock.monotonic();
      const availability = state.availability(nowMs);
      if (availability === "ready" || availability === "probe") return { isReady: true, target: { attempt, state } };
      if (availability === "last-resort") lastResort ??= { attempt, state };
    }
  }
  return { isReady: false, target: lastResort };
}

/** The key that a stored response belongs to; `undefined` if any will do, or the provider does not have it any more. */
function pinnedIndex({ pinnedKey }: ModelCall, { provider }: Attempt): number | undefined {
  if (pinnedKey === undefined) return undefined;
  const index = provider.keys.findIndex(({ id }) => id === pinnedKey);
  return index < 0 ? undefined : index;
}
