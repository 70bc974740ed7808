import type { Kysely, Transaction } from "kysely";
import type { Tables } from "../store/index.ts";
import { readLast } from "./append.ts";
import { checkpointText, type Checkpoint } from "./entry.ts";
import type { AuditKey } from "./signing.ts";

/** Signs the chain as it is in this transaction. @returns `undefined` if its last entry is signed already. */
export async function signTrail(transaction: Transaction<Tables>, key: AuditKey, timeMs: number): Promise<Checkpoint | undefined> {
  const last = await readLast(transaction);
  const before = await readLastCheckpoint(transaction);
  if (last.seq === (before?.seq ?? 0)) return undefined;
  const unsigned = { number: (before?.number ?? 0) + 1, seq: last.seq, timeMs, head: last.hash, publicKey: key.publicKey };
  const made = { ...unsigned, signature: key.sign(checkpointText(unsigned)) };
  const { number, seq, head, publicKey: public_key, signature } = made;
  await transaction.insertInto("audit_checkpoints").values({ number, seq, time_ms: timeMs, head, public_key, signature }).execute();
  return made;
}

export async function readLastCheckpoint(db: Kysely<Tables>): Promise<{ readonly number: number; readonly seq: number } | undefined> {
  return await db.selectFrom("audit_checkpoints").select(["number", "seq"]).orderBy("number", "desc").limit(1).executeTakeFirst();
}
