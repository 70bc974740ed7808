import { nextHead } from "../clearing/account.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import { integer, object, oneOf, signedAmount, text } from "../documents/fields.ts";
import { time } from "../documents/kinds.ts";

/** An account as its owner knows it: after its entry `seq`. */
export interface Position {
  readonly seq: number;
  /** 64 hexadecimal digits. */
  readonly head: string;
  readonly balance: bigint;
}

export const noEntries: Position = { seq: 0, head: "0".repeat(64), balance: 0n };

/** A clearing's statement contradicts its entries, or what it has stated before. */
export class StatementError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StatementError";
  }
}

const entryField = object({
  seq: integer(1, Number.MAX_SAFE_INTEGER),
  at: time,
  kind: oneOf("pay", "fee", "contest", "refund", "deposit", "correction"),
  lease: text(1, 128),
  amount: signedAmount,
  balance: signedAmount,
});

/**
 * The position after these entries, up to `last`; later ones are of after the statement.
 * @throws StatementError, DocumentError
 */
export function followEntries(from: Position, entries: readonly unknown[], last: number): Position {
  let { seq, head, balance } = from;
  for (const value of entries) {
    const entry = entryField(value, "entry");
    if (entry.seq > last) break;
    const [amount, after] = [BigInt(entry.amount), BigInt(entry.balance)];
    if (entry.seq !== seq + 1) throw new StatementError(`entry ${entry.seq} comes after entry ${seq}`);
    if (balance + amount !== after) throw new StatementError(`entry ${entry.seq} does not add up to its balance`);
    head = nextHead(head, { ...entry, amount, balance: after });
    seq = entry.seq;
    balance = after;
  }
  return { seq, head, balance };
}

/** @throws StatementError unless the statement is of this position. */
export function checkPosition({ seq, head, balance }: Position, statement: DocumentBody<"statement/1">): void {
  if (statement.seq < seq) throw new StatementError(`it has ${statement.seq} entries; it had ${seq}`);
  if (statement.seq > seq) throw new StatementError(`it has ${statement.seq} entries, of which only ${seq} are shown`);
  if (statement.head !== `sha256:${head}`) throw new StatementError(`its head is not that of its ${seq} entries`);
  if (BigInt(statement.balance) !== balance) throw new StatementError(`its balance is not the sum of its ${seq} entries`);
}
