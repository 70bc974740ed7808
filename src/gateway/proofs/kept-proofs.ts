import { createBoundedCache, BoundedWait, messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { LedgerService } from "../../ledger/index.ts";
import type { CallProof } from "./seal-answer.ts";

/** Where sealed proofs lie beside the ids of calls, shared by all processes of an installation. */
export interface KeptProofStore {
  sweep(): Promise<void>;
  find(userId: string, callIds: readonly string[]): Promise<readonly CallProof[]>;
}

/** The same with a memory in front of it. */
export interface KeptProofs {
  /** Never rejects: an answer is worth more than its proof. What is kept waits in the ledger's journal until the database has it. */
  keep(userId: string, proofs: readonly CallProof[]): Promise<void>;
  /** By call id; a promise only where the store must be asked. */
  find(userId: string, callIds: readonly string[]): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>;
}

/** Calls whose proof, or whose want of one, is remembered. */
const capacity = 4096;

export interface KeptProofsDeps {
  readonly store: KeptProofStore;
  readonly ledger: Pick<LedgerService, "keep">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Other processes ask the same store: an answer waits a moment until the store has its proofs. */
  readonly isShared: () => boolean;
  /** How long a request waits for the store; 1,000. Then it goes without its proofs. */
  readonly timeoutMs?: number;
}

const noProofs: ReadonlyMap<string, string> = new Map();

/** How long an answer waits for a store that other processes ask. */
const maxWaitMs = 250;

/**
 * An answer's proofs are in the store, or in this process's memory alone, before its last byte goes out, so what is not found once is not there later either.
 * While the store is away, other processes do not find them.
 */
export function createKeptProofs({ store, ledger, clock, logger, isShared, timeoutMs = 1000 }: KeptProofsDeps): KeptProofs {
  const wait = new BoundedWait(timeoutMs, clock);
  const cache = createBoundedCache<{ readonly sealed: string | undefined }>(capacity);
  const keyOf = (userId: string, callId: string): string => `${userId} ${callId}`;

  const ask = async (userId: string, unknown: readonly string[], found: Map<string, string>): Promise<ReadonlyMap<string, string>> => {
    try {
      const proofs = new Map((await wait.for(() => store.find(userId, unknown))).map(({ callId, sealed }) => [callId, sealed]));
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

  /** @returns what resolves when the store has it. */
  const keepOne = async (userId: string, { callId, sealed }: CallProof): Promise<PromiseWithResolvers<void>> => {
    const written = Promise.withResolvers<void>();
    await ledger.keep({ kind: "proof", userId, callId, sealed, createdMs: clock.now() }, written.resolve);
    return written;
  };

  return {
    async keep(userId, proofs) {
      for (const { callId, sealed } of proofs) cache.set(keyOf(userId, callId), { sealed });
      try {
        const written = await Promise.all(proofs.map((proof) => keepOne(userId, proof)));
        if (isShared()) await atMost(maxWaitMs, Promise.all(written.map(({ promise }) => promise)));
        store.sweep().catch((error: unknown) => {
          logger.warn({ error: messageOf(error) }, "proofs of reasoning past their lifetime could not be deleted");
        });
      } catch (error) {
        logger.error({ error: messageOf(error) }, "proofs of reasoning could not be kept: they are lost at a restart");
      }
    },
    find(userId, callIds) {
      if (callIds.length === 0) return noProofs;
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

async function atMost(timeoutMs: number, done: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, timeoutMs);
  await Promise.race([done, late.promise]);
  clearTimeout(timer);
}
