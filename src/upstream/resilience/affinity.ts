import { createBoundedCache } from "../../core/index.ts";
import type { TargetState } from "./target-state.ts";

/** Which target a conversation went to last, as long as the provider may still have its prompt in its cache. */
export interface Affinity {
  /** `undefined`: none is known, or the time is over. */
  get(conversation: string, nowMs: number): TargetState | undefined;
  set(conversation: string, state: TargetState, untilMs: number): void;
}

/** Of each about 150 bytes. */
const maxConversations = 50_000;

export function createAffinity(capacity = maxConversations): Affinity {
  const known = createBoundedCache<{ readonly state: TargetState; readonly untilMs: number }>(capacity);
  return {
    get(conversation, nowMs) {
      const found = known.get(conversation);
      return found !== undefined && nowMs < found.untilMs ? found.state : undefined;
    },
    set(conversation, state, untilMs) {
      known.set(conversation, { state, untilMs });
    },
  };
}
