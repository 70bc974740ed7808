import type { KeptChange } from "../../store/index.ts";
import type { UsageRow } from "../entries/usage-row.ts";

/** A change of stored responses that the database does not have yet. */
export interface QueuedChange {
  readonly change: KeptChange;
  /** Number of characters, approximately. */
  readonly size: number;
  /** Called when the database has it. */
  readonly written: () => void;
}

/** The most characters of changes in one batch, unless a single change is longer. */
const maxBatchChars = 8 * 1024 * 1024;

/** Rows and changes in the order in which they came, each with its seq. A row that was held comes later than its seq. */
export class RowQueue {
  #rows: (UsageRow | QueuedChange)[] = [];
  #changes = 0;
  #changeChars = 0;
  #seqs: number[] = [];
  /** Rows before this index have been removed. */
  #head = 0;

  get length(): number {
    return this.#rows.length - this.#head;
  }

  /** Characters of the waiting changes. */
  get changeChars(): number {
    return this.#changeChars;
  }

  pushChange(change: QueuedChange, seq: number): void {
    this.#changes += 1;
    this.#changeChars += change.size;
    this.#rows.push(change);
    this.#seqs.push(seq);
  }

  push(row: UsageRow, seq: number): void {
    this.#rows.push(row);
    this.#seqs.push(seq);
  }

  peek(limit: number): QueuedBatch {
    const items = this.#rows.slice(this.#head, this.#head + limit);
    if (this.#changes === 0) return { rows: items as UsageRow[], changes: [], count: items.length };
    const rows: UsageRow[] = [];
    const changes: KeptChange[] = [];
    let chars = 0;
    let count = 0;
    for (const item of items) {
      if ("change" in item) {
        if (chars > 0 && chars + item.size > maxBatchChars) break;
        chars += item.size;
        changes.push(item.change);
      } else {
        rows.push(item);
      }
      count += 1;
    }
    return { rows, changes, count };
  }

  /** All rows, each with its seq. */
  forEach(visit: (item: UsageRow | QueuedChange, seq: number) => void): void {
    for (let at = this.#head; at < this.#rows.length; at++) visit(this.#rows[at]!, this.#seqs[at]!);
  }

  /** The lowest seq after the first `count` rows; `Infinity` if there are no more. */
  lowestSeqAfter(count: number): number {
    let lowest = Infinity;
    for (let at = this.#head + count; at < this.#seqs.length; at++) lowest = Math.min(lowest, this.#seqs[at]!);
    return lowest;
  }

  drop(count: number): void {
    if (this.#changes > 0) this.#announce(count);
    this.#head = Math.min(this.#head + count, this.#rows.length);
    // The array is compacted only when at least half of it is unused, so a long queue costs no more per row than a short one.
    if (this.#head * 2 < this.#rows.length) return;
    this.#rows = this.#rows.slice(this.#head);
    this.#seqs = this.#seqs.slice(this.#head);
    this.#head = 0;
  }

  /** Reports to the waiting callers that the database has their change. */
  #announce(count: number): void {
    for (const item of this.#rows.slice(this.#head, this.#head + count)) {
      if (!("change" in item)) continue;
      this.#changes -= 1;
      this.#changeChars -= item.size;
      item.written();
    }
  }
}

/** A batch that is written together. `count`: rows and changes. */
export interface QueuedBatch {
  readonly rows: readonly UsageRow[];
  readonly changes: readonly KeptChange[];
  readonly count: number;
}
