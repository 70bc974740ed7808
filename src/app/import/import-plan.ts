import type { LimitAdmin } from "../../limits/index.ts";
import type { UsageRow } from "../../ledger/index.ts";

/** A setting that is not taken over, or that behaves otherwise, with its path in the old configuration or database. */
export interface Note {
  readonly path: string;
  readonly reason: string;
}

export interface ImportedUser {
  readonly username: string;
  readonly email: string | null;
  readonly role: "admin" | "user";
  readonly isDisabled: boolean;
}

export interface ImportedKey {
  readonly username: string;
  readonly name: string | null;
  /** SHA-256 of the key, hex: what both programs store. */
  readonly hash: string;
  /** By which people recognise it: `tok_ab12`, or `sk-…AbCd` of a LiteLLM key. */
  readonly prefix: string;
  readonly role: "admin" | "user";
  readonly createdMs: number | null;
  readonly expiresMs: number | null;
  readonly isRevoked: boolean;
  readonly models: readonly string[] | null;
  readonly tags: readonly string[];
}

/** Of a user by its name, a key by its hash, or a tag. */
export interface ImportedSubject {
  readonly kind: "user" | "key" | "tag";
  readonly name: string;
}

export interface ImportedBudget {
  readonly subject: ImportedSubject;
  readonly period: "day" | "month" | "total";
  readonly stopNanoUsd: bigint | null;
  readonly warnNanoUsd: bigint | null;
  /** What the current period has cost already. */
  readonly spentNanoUsd: bigint;
}

export interface ImportedLimits {
  readonly subject: ImportedSubject;
  readonly limits: Parameters<LimitAdmin["set"]>[1];
}

/** A usage entry whose user is named and whose key is a hash; both become ids. */
export interface ImportedUsage {
  readonly row: UsageRow;
  readonly username: string;
  readonly keyHash: string | null;
}

/** What an old installation has of users, keys and money. */
export interface AccountsPlan {
  readonly users: readonly ImportedUser[];
  readonly keys: readonly ImportedKey[];
  readonly budgets: readonly ImportedBudget[];
  readonly limits: readonly ImportedLimits[];
  readonly usage: readonly ImportedUsage[];
  readonly notes: readonly Note[];
}

/** A configuration to write. */
export interface ConfigPlan {
  /** The tree of `config.yaml`. */
  readonly tree: Readonly<Record<string, unknown>>;
  readonly notes: readonly Note[];
}

const maxUsername = 64;

/** A username that the gateway accepts, from a name or an id of the old installation. */
export function usernameOf(text: string): string {
  const plain = text
    .normalize("NFKD")
    .replaceAll(/[^A-Za-z0-9._@-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, maxUsername);
  if (plain === "") return "imported";
  return /^(?:usr_|key_|tok_|local$)/i.test(plain) ? `u-${plain}`.slice(0, maxUsername) : plain;
}

/** A name that none of `taken` has, compared without case; it is added to them. */
export function takeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${wanted.slice(0, maxUsername - 5)}-${count}`;
  taken.add(name.toLowerCase());
  return name;
}
