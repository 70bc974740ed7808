import type { UsageRow } from "../entries/usage-row.ts";
import { attemptKey, type Correction } from "../types.ts";

export function correctRow(row: UsageRow, { status, httpStatus, errorCode }: Correction): UsageRow {
  return { ...row, status, http_status: httpStatus, error_code: errorCode };
}

export interface HeldRow {
  readonly row: UsageRow;
  seq: number;
  /** The seq of a second copy further on in the journal, which may not be on the disk yet. */
  rewrittenSeq: number | undefined;
}

/**
 * Rows that are in the journal and that the database does not get yet: their answers are on their way to their clients, and a row may have to be corrected.
 */
export class HeldRows {
  readonly #rows = new Map<string, HeldRow>();

  get size(): number {
    return this.#rows.size;
  }

  /** `Infinity` if there are no rows. */
  get lowestSeq(): number {
    let lowest = Infinity;
    for (const { seq } of this.#rows.values()) lowest = Math.min(lowest, seq);
    return lowest;
  }

  add(row: UsageRow, seq: number): void {
    this.#rows.set(attemptKey(row.request_id, row.attempt), { row, seq, rewrittenSeq: undefined });
  }

  /** The row of this attempt, which is held no more. */
  take(key: string): HeldRow | undefined {
    const held = this.#rows.get(key);
    if (held !== undefined) this.#rows.delete(key);
    return held;
  }

  values(): IterableIterator<HeldRow> {
    return this.#rows.values();
  }

  keys(): readonly string[] {
    return [...this.#rows.keys()];
  }

  /**
   * Moves rows on that were written up to `lastSeq`, so that a slow reader does not make the journal keep all that came after its row.
   * @param write writes the row again. @returns the seq of the copy.
   * @param syncedSeq copies up to this one are on the disk.
   */
  moveOn(lastSeq: number, syncedSeq: number, write: (row: UsageRow) => number): void {
    for (const held of this.#rows.values()) {
      if (held.seq > lastSeq) continue;
      if (held.rewrittenSeq === undefined) {
        held.rewrittenSeq = write(held.row);
      } else if (held.rewrittenSeq <= syncedSeq) {
        held.seq = held.rewrittenSeq;
        held.rewrittenSeq = undefined;
      }
    }
  }
}
