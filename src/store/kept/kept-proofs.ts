import { createHash } from "node:crypto";
import type { Clock } from "../../core/index.ts";
import type { Store } from "../types.ts";

/** A sealed text beside the id of a tool call. */
export interface KeptProofRow {
  readonly callId: string;
  readonly sealed: string;
}

export interface KeptProofTable {
  /** The first proof of a call is kept; later ones are ignored. */
  keep(userId: string, proofs: readonly KeptProofRow[]): Promise<void>;
  find(userId: string, callIds: readonly string[]): Promise<readonly KeptProofRow[]>;
  /** Deletes proofs past their lifetime, unless it did so less than `sweepEveryMs` ago. */
  sweep(): Promise<void>;
}

export const proofColumns = ["user_id", "call_key", "sealed", "created_ms"] as const;

export function proofRow(proof: { userId: string; callId: string; sealed: string; createdMs: number }): readonly (string | number)[] {
  return [proof.userId, keyOf(proof.callId), proof.sealed, proof.createdMs];
}

/** The longest pause of a conversation between a call and its result. */
const lifetimeMs = 7 * 24 * 3600 * 1000;
/** The shortest time between two sweeps. */
const sweepEveryMs = 10 * 60 * 1000;
/** The most ids in one query: a database limits the number of parameters of a statement. */
const idsAtOnce = 500;

export function createKeptProofTable(store: Store, clock: Clock): KeptProofTable {
  let sweptMs = -Infinity;
  const sweep = async (now: number): Promise<void> => {
    if (now - sweptMs < sweepEveryMs) return;
    sweptMs = now;
    await store.db
      .deleteFrom("kept_proofs")
      .where("created_ms", "<", now - lifetimeMs)
      .execute();
  };
  return {
    async keep(userId, proofs) {
      const createdMs = clock.now();
      const rows = proofs.map(({ callId, sealed }) => proofRow({ userId, callId, sealed, createdMs }));
      await store.insertRows("kept_proofs", proofColumns, rows);
      await sweep(createdMs);
    },
    sweep: () => sweep(clock.now()),
    async find(userId, callIds) {
      const byKey = new Map(callIds.map((callId) => [keyOf(callId), callId]));
      const keys = [...byKey.keys()];
      const found: KeptProofRow[] = [];
      for (let at = 0; at < keys.length; at += idsAtOnce) {
        const rows = await store.db
          .selectFrom("kept_proofs")
          .select(["call_key", "sealed"])
          .where("user_id", "=", userId)
          .where("call_key", "in", keys.slice(at, at + idsAtOnce))
          .execute();
        found.push(...rows.map(({ call_key, sealed }) => ({ callId: byKey.get(call_key)!, sealed })));
      }
      return found;
    },
  };
}

/** A provider chooses the ids, of any length. An id that is too long for a key is replaced by its hash. */
function keyOf(callId: string): string {
  return callId.length <= 100 ? callId : createHash("sha256").update(callId).digest("base64");
}
