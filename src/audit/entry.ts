import { hash } from "node:crypto";

/** One row of the audit trail. Texts contain no secrets; what was changed is there as digests. */
export interface AuditEntry {
  /** From 1 on, without gaps. */
  readonly seq: number;
  readonly timeMs: number;
  /** `admin`: an operation of the admin API; `sign_in`: single sign-on; `config`: a configuration that was loaded; `usage`: a batch of usage entries; `retention`: what may be deleted. */
  readonly kind: string;
  /** The name of the operation: `users.create`. */
  readonly action: string;
  /** What it was about: the parameter of its path. */
  readonly subject: string;
  /** Who: `usr_… alice`; "" for the gateway itself. */
  readonly actor: string;
  readonly keyId: string;
  /** From where: an address; "" if it came from this machine's own socket or a command. */
  readonly address: string;
  /** Through what: `http`, `socket`, `command`, `gateway`. */
  readonly channel: string;
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  /** SHA-256 of the object before and after, hex; "" if there was none. */
  readonly before: string;
  readonly after: string;
  /** Further facts, JSON. */
  readonly details: string;
}

/** An entry with its place in the chain. */
export interface ChainedEntry extends AuditEntry {
  /** SHA-256 of the hash of the entry before and of the digest of this one, hex. */
  readonly hash: string;
}

/** A signature on the chain so far. */
export interface Checkpoint {
  /** From 1 on, without gaps. */
  readonly number: number;
  /** The last entry that it covers. */
  readonly seq: number;
  readonly timeMs: number;
  /** The hash of that entry. */
  readonly head: string;
  /** Ed25519, the public key in base64url (32 bytes). */
  readonly publicKey: string;
  /** Of `checkpointText`, base64url. */
  readonly signature: string;
}

/** The hash before the first entry. */
export const chainStart = "0".repeat(64);

/** The values of an entry in a fixed order, as they are hashed and stored; its hash comes behind them. */
export function valuesOf(entry: AuditEntry): readonly (string | number)[] {
  return [
    entry.seq,
    entry.timeMs,
    entry.kind,
    entry.action,
    entry.subject,
    entry.actor,
    entry.keyId,
    entry.address,
    entry.channel,
    entry.outcome,
    entry.before,
    entry.after,
    entry.details,
  ];
}

/** The entry as it is hashed: a JSON array in a fixed order. */
export function canonicalText(entry: AuditEntry): string {
  return JSON.stringify(valuesOf(entry));
}

/** The digest of an entry stands for it in a proof, so that a proof discloses no other entry. */
export function digestOf(canonical: string): string {
  return hash("sha256", canonical);
}

export function chainHash(before: string, digest: string): string {
  return hash("sha256", before + digest);
}

export function checkpointText({ number, seq, timeMs, head, publicKey }: Omit<Checkpoint, "signature">): string {
  return `tokligence audit checkpoint\n${number}\n${seq}\n${timeMs}\n${head}\n${publicKey}`;
}
