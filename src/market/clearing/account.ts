import { createHash } from "node:crypto";
import { canonicalText } from "../documents/canonical.ts";

/** The accounts that belong to no node: fees earned, amounts that buyer and seller do not agree about, and what came from outside. */
export const systemAccounts = { fees: "#fees", contested: "#contested", outside: "#outside" } as const;

/** One account at a clearing. Amounts are nano-credits. */
export interface Account {
  /** A node id, or one of `systemAccounts`. */
  readonly owner: string;
  balance: bigint;
  /** The sum of the amounts reserved by open leases. */
  held: bigint;
  /** How far below 0 `balance - held` may go. */
  limit: bigint;
  /** How many entries the account has. */
  seq: number;
  /** The hash over all entries, 64 hexadecimal digits; zeros without entries. */
  head: string;
}

export type TransferKind = "pay" | "fee" | "contest" | "refund" | "deposit" | "correction";

/** One side of a transfer, as the owner of the account sees it. */
export interface AccountEntry {
  readonly seq: number;
  readonly at: number;
  readonly kind: TransferKind;
  /** The lease, or the operation of a deposit or correction. */
  readonly lease: string;
  /** Negative if the account paid. */
  readonly amount: bigint;
  /** After this entry. */
  readonly balance: bigint;
}

const noEntries = "0".repeat(64);

export function createAccount(owner: string, limit = 0n): Account {
  return { owner, balance: 0n, held: 0n, limit, seq: 0, head: noEntries };
}

/** SHA-256 of the head before and the entry's canonical text: two sides with the same head have the same entries. */
export function nextHead(head: string, { seq, at, kind, lease, amount, balance }: AccountEntry): string {
  const text = canonicalText({ seq, at, kind, lease, amount: String(amount), balance: String(balance) });
  return createHash("sha256").update(Buffer.from(head, "hex")).update(text).digest("hex");
}

/** Books one side of a transfer. */
export function book(account: Account, entry: Pick<AccountEntry, "at" | "kind" | "lease" | "amount">): void {
  account.balance += entry.amount;
  account.seq += 1;
  account.head = nextHead(account.head, { ...entry, seq: account.seq, balance: account.balance });
}
