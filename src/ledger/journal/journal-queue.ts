import type { UsageRow } from "../entries/usage-row.ts";

/** Rows in the order they came, each with its seq. */
export class RowQueue {
  #rows: UsageRow[] = [];
  #seqs: number[] = [];
  /** Rows before this index have left. */
  #head = 0;

  get length(): number {
    return this.#rows.length - this.#head;
  }

  push(row: UsageRow, seq: number): void {
    this.#rows.push(row);
    this.#seqs.push(seq);
  }

  peek(limit: number): readonly UsageRow[] {
    return this.#rows.slice(this.#head, this.#head + limit);
  }

  /** All rows, each with its seq. */
  forEach(visit: (row: UsageRow, seq: number) => void): void {
    for (let at = this.#head; at < this.#rows.length; at++) visit(this.#rows[at]!, this.#seqs[at]!);
  }

  /** The seq of the row at this place from the front. */
  seqAt(place: number): number {
    return this.#seqs[this.#head + place]!;
  }

  drop(count: number): void {
    this.#head = Math.min(this.#head + count, this.#rows.length);
    // Moving the rest is paid for by what has left, so a long queue costs no more a row than a short one.
    if (this.#head * 2 < this.#rows.length) return;
    this.#rows = this.#rows.slice(this.#head);
    this.#seqs = this.#seqs.slice(this.#head);
    this.#head = 0;
  }
}
