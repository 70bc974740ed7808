import { createBoundedCache, messageOf, type Logger } from "../../core/index.ts";
import type { CallProof } from "./seal-answer.ts";

/** Where sealed proofs lie beside the ids of calls, shared by all processes of an installation. */
export interface KeptProofStore {
  keep(userId: string, proofs: readonly CallProof[]): Promise<void>;
  find(userId: string, callIds: readonly string[]): Promise<readonly CallProof[]>;
}

/** The same with a memory in front of it. */
export interface KeptProofs {
  /** Never rejects: an answer is worth more than its proof. */
  keep(userId: string, proofs: readonly CallProof[]): Promise<void>;
  /** By call id; a promise only where the store must be asked. */
  find(userId: string, callIds: readonly string[]): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>;
}

/** Calls whose proof, or whose want of one, is remembered. */
const capacity = 4096;

/** An answer's proofs are in the store before its last byte goes out, so what is not found once is not there later either. */
export function createKeptProofs(store: KeptProofStore, logger: Logger): KeptProofs {
  const cache = createBoundedCache<{ readonly sealed: string | undefined }>(capacity);
  const keyOf = (userId: string, callId: string): string => `${userId} ${callId}`;

  const ask = async (userId: string, unknown: readonly string[], found: Map<string, string>): Promise<ReadonlyMap<string, string>> => {
    try {
      const proofs = new Map((await store.find(userId, unknown)).map(({ callId, sealed }) => [callId, sealed]));
      for (const callId of unknown) {
        const sealed = proofs.get(callId);
        cache.set(keyOf(userId, callId), { sealed });
        if (sealed !== undefined) found.set(callId, sealed);
      }
    } catch (error) {
      logger.error({ error: messageOf(error) }, "kept proofs of reasoning could not be read: the request goes without them");
    }
    return found;
  };

  return {
    async keep(userId, proofs) {
      for (const { callId, sealed } of proofs) cache.set(keyOf(userId, callId), { sealed });
      try {
        await store.keep(userId, proofs);
      } catch (error) {
        logger.error({ error: messageOf(error) }, "proofs of reasoning could not be kept: they are lost at a restart");
      }
    },
    find(userId, callIds) {
      const found = new Map<string, string>();
      const unknown: string[] = [];
      for (const callId of new Set(callIds)) {
        const known = cache.get(keyOf(userId, callId));
        if (known === undefined) unknown.push(callId);
        else if (known.sealed !== undefined) found.set(callId, known.sealed);
      }
      return unknown.length === 0 ? found : ask(userId, unknown, found);
    },
  };
}
