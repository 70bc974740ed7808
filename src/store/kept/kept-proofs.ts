import { createHash } from "node:crypto";
import type { Clock } from "../../core/index.ts";
import type { Store } from "../types.ts";

/** A sealed text beside the id of a tool call. */
export interface KeptProofRow {
  readonly callId: string;
  readonly sealed: string;
}

export interface KeptProofTable {
  /** The first proof of a call stands. */
  keep(userId: string, proofs: readonly KeptProofRow[]): Promise<void>;
  find(userId: string, callIds: readonly string[]): Promise<readonly KeptProofRow[]>;
  /** Deletes what is past its lifetime; does nothing if that was done a short while ago. */
  sweep(): Promise<void>;
}

export const proofColumns = ["user_id", "call_key", "sealed", "created_ms"] as const;

export function proofRow(proof: { userId: string; callId: string; sealed: string; createdMs: number }): readonly (string | number)[] {
  return [proof.userId, keyOf(proof.callId), proof.sealed, proof.createdMs];
}

/** How long a conversation may pause between a call and its result. */
const lifetimeMs = 7 * 24 * 3600 * 1000;
/** What has outlived that is deleted when something is kept, but no more often than this. */
const sweepEveryMs = 10 * 60 * 1000;
/** A database takes only so many parameters in one statement. */
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

/** Ids are a provider's and of any length: what is too long for a key is kept under its hash. */
function keyOf(callId: string): string {
  return callId.length <= 100 ? callId : createHash("sha256").update(callId).digest("base64");
}
