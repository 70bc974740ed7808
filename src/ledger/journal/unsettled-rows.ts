import { SlotList } from "../../core/index.ts";
import type { ActiveAttempt } from "../active-attempt.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import type { Correction } from "../types.ts";

export function correctRow(row: UsageRow, { status, httpStatus, errorCode }: Correction): UsageRow {
  return { ...row, status, http_status: httpStatus, error_code: errorCode };
}

/**
 * Attempts whose rows are in the journal and do not reach the database yet: their answers are on their way to their clients, and a row may have to be
 * corrected.
 */
export class UnsettledRows {
  readonly #attempts = new SlotList<ActiveAttempt>();

  get size(): number {
    return this.#attempts.size;
  }

  /** `Infinity` if there are no rows. */
  get lowestSeq(): number {
    let lowest = Infinity;
    this.#attempts.forEach(({ seq }) => {
      lowest = Math.min(lowest, seq);
    });
    return lowest;
  }

  /** The attempt is in no other list. */
  add(attempt: ActiveAttempt, row: UsageRow, seq: number): void {
    attempt.row = row;
    attempt.seq = seq;
    this.#attempts.add(attempt);
  }

  /** @returns the row, which is settled with this; `undefined` if it was not unsettled. */
  take(attempt: ActiveAttempt): UsageRow | undefined {
    const { row } = attempt;
    if (row === undefined) return undefined;
    attempt.row = undefined;
    this.#attempts.delete(attempt);
    return row;
  }

  forEach(visit: (attempt: ActiveAttempt, row: UsageRow) => void): void {
    this.#attempts.forEach((attempt) => {
      if (attempt.row !== undefined) visit(attempt, attempt.row);
    });
  }

  /**
   * Moves rows on that were written up to `lastSeq`, so that a slow reader does not make the journal keep all that came after its row.
   * @param write writes the row again. @returns the seq of the copy.
   * @param syncedSeq copies up to this one are on the disk.
   */
  moveOn(lastSeq: number, syncedSeq: number, write: (row: UsageRow) => number): void {
    this.forEach((unsettled, row) => {
      if (unsettled.seq > lastSeq) return;
      if (unsettled.rewrittenSeq === undefined) {
        unsettled.rewrittenSeq = write(row);
      } else if (unsettled.rewrittenSeq <= syncedSeq) {
        unsettled.seq = unsettled.rewrittenSeq;
        unsettled.rewrittenSeq = undefined;
      }
    });
  }
}
