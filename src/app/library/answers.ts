/*
 * What operations answer, as plain types: the published package has no types of the packages that the contracts of `server/admin/contracts` are written
 * with. The compiler compares both where `admin-api.ts` returns one as the other.
 */

/** A limit on requests that was set; `null`: no limit of that kind. */
export interface Limit {
  readonly kind: "user" | "key" | "tag" | "model" | "provider";
  /** As commands take it: the id of the user or key, `tag:team:search`, `model:gpt-*`, `provider:openai`. */
  readonly subject: string;
  readonly username: string | null;
  /** The key's name and prefix, as in `laptop (tok_ab12…)`. */
  readonly key_name: string | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly requests_per_day: number | null;
  readonly tokens_per_day: number | null;
  readonly concurrent: number | null;
}

/** Limits to set: one that is omitted stays as it was, `null` takes it away. */
export interface LimitChanges {
  readonly requests_per_minute?: number | null;
  readonly tokens_per_minute?: number | null;
  readonly requests_per_day?: number | null;
  readonly tokens_per_day?: number | null;
  /** Requests at a time. */
  readonly concurrent?: number | null;
}

/** One entry of the audit trail. */
export interface AuditEntry {
  /** From 1 on, without gaps. */
  readonly seq: number;
  /** RFC 3339 in UTC. */
  readonly time: string;
  /** `admin`, `gateway`, `usage`, `retention`. */
  readonly kind: string;
  /** The name of the operation: `users.create`. */
  readonly action: string;
  readonly subject: string;
  /** Id and name of the caller; empty: the gateway itself. */
  readonly actor: string;
  readonly key_id: string;
  readonly address: string;
  /** `http`, `socket`, `command`, `gateway`. */
  readonly channel: string;
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  /** SHA-256 of the object before, hex; empty: there was none, or it cannot be read alone. */
  readonly before: string;
  readonly after: string;
  /** Further facts, JSON. */
  readonly details: string;
  /** SHA-256, hex: follows from the entry and from the hash before. */
  readonly hash: string;
}

/** The result of a check of the whole audit trail. */
export interface AuditReport {
  readonly ok: boolean;
  readonly entries: number;
  readonly checkpoints: number;
  /** Entries behind the last signature. */
  readonly unsigned: number;
  /** Usage entries that were compared with their batch. */
  readonly usage_entries: number;
  /** Batches whose usage entries were deleted, as their retention has ended. */
  readonly expired_batches: number;
  readonly head: string;
  readonly public_keys: readonly string[];
  readonly faults: readonly { readonly at: string; readonly what: string }[];
}

/** A proof that a usage entry is in the audit trail, for a check without the gateway. */
export interface AuditProof {
  readonly format: "tokligence-audit-proof-1";
  readonly request_id: string;
  readonly attempt: number;
  /** The usage entry as it is hashed. */
  readonly entry: string;
  readonly index: number;
  readonly count: number;
  readonly path: readonly string[];
  readonly root: string;
  /** The entry of the trail that has the root, as it is hashed. */
  readonly batch: string;
  readonly hash_before: string;
  readonly digests_after: readonly string[];
  readonly checkpoint: {
    readonly number: number;
    readonly seq: number;
    readonly timeMs: number;
    readonly head: string;
    readonly publicKey: string;
    readonly signature: string;
  };
}
