import type { Generated } from "kysely";

/** What the audit trail stores: see `migrations/0017-audit.ts`. */
export interface AuditTables {
  audit_entries: AuditEntriesTable;
  audit_checkpoints: AuditCheckpointsTable;
  audit_batches: AuditBatchesTable;
  audit_pending: AuditPendingTable;
  audit_state: AuditStateTable;
}

/** Append-only. The hash of each row follows from it and from the hash of the row before. */
export interface AuditEntriesTable {
  /** From 1 on, without gaps. */
  seq: number;
  time_ms: number;
  kind: string;
  action: string;
  subject: string;
  actor: string;
  key_id: string;
  address: string;
  channel: string;
  outcome: string;
  before: string;
  after: string;
  details: string;
  /** SHA-256, hex. */
  hash: string;
}

/** Append-only: signatures on the chain. */
export interface AuditCheckpointsTable {
  number: number;
  seq: number;
  time_ms: number;
  head: string;
  public_key: string;
  signature: string;
}

/** The usage entries of one batch, in the order of its Merkle tree. */
export interface AuditBatchesTable {
  /** The entry of the trail that has the root. */
  seq: number;
  /** JSON: `[["req_…",1],…]`. */
  members: string;
}

/** PostgreSQL: usage entries that are not in the trail yet. */
export interface AuditPendingTable {
  id: Generated<number>;
  request_id: string;
  attempt: number;
}

/** `usage`, in SQLite: the `rowid` up to which usage entries are in the trail. */
export interface AuditStateTable {
  name: string;
  value: Generated<number>;
}
