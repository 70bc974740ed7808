import type { Kysely, Transaction } from "kysely";
import type { Store, Tables } from "../store/index.ts";
import { canonicalText, chainHash, chainStart, digestOf, type AuditEntry, type ChainedEntry, valuesOf } from "./entry.ts";

/** An entry before it has a place in the chain. */
export type NewEntry = Omit<AuditEntry, "seq" | "timeMs"> & { readonly timeMs?: number };

/** An entry of the gateway itself. */
export function gatewayEntry(action: string, details: object, kind = "gateway"): NewEntry {
  return {
    kind,
    action,
    subject: "",
    actor: "",
    keyId: "",
    address: "",
    channel: "gateway",
    outcome: "ok",
    before: "",
    after: "",
    details: JSON.stringify(details),
  };
}

const columns = [
  "seq",
  "time_ms",
  "kind",
  "action",
  "subject",
  "actor",
  "key_id",
  "address",
  "channel",
  "outcome",
  "before",
  "after",
  "details",
  "hash",
] as const;

/** Appends entries to the chain, in a transaction that holds the database's write lock. */
export async function appendEntries(
  store: Store,
  transaction: Transaction<Tables>,
  entries: readonly (NewEntry & { readonly timeMs: number })[],
): Promise<readonly ChainedEntry[]> {
  let { seq, hash } = await readLast(transaction);
  const chained = entries.map((entry): ChainedEntry => {
    seq += 1;
    const placed = storable({ ...entry, seq });
    hash = chainHash(hash, digestOf(canonicalText(placed)));
    return { ...placed, hash };
  });
  await store.insertRows(
    "audit_entries",
    columns,
    chained.map((entry) => [...valuesOf(entry), entry.hash]),
    transaction,
  );
  return chained;
}

/** Longer texts are cut; PostgreSQL stores no NUL, and neither database half of a character. */
const maxText = 2000;

function storable(entry: AuditEntry): AuditEntry {
  const clean = (text: string): string => text.slice(0, maxText).replaceAll("\0", "").toWellFormed();
  const { kind, action, subject, actor, keyId, address, channel, outcome, before, after, details, seq, timeMs } = entry;
  return {
    seq,
    timeMs,
    kind,
    action,
    subject: clean(subject),
    actor: clean(actor),
    keyId: clean(keyId),
    address: clean(address),
    channel,
    outcome: clean(outcome),
    before,
    after,
    details: clean(details),
  };
}

export async function readLast(db: Kysely<Tables>): Promise<{ readonly seq: number; readonly hash: string }> {
  const last = await db.selectFrom("audit_entries").select(["seq", "hash"]).orderBy("seq", "desc").limit(1).executeTakeFirst();
  return last ?? { seq: 0, hash: chainStart };
}
