import type { Slotted } from "../core/index.ts";
import type { OpenRecord } from "./types.ts";
import type { UsageRow } from "./entries/usage-row.ts";

/**
 * An attempt from its `open` until its row may be written: first open, then perhaps held. It is in at most one list at a time, so one place is enough. A
 * Map of attempts by their ids would have an insert and a delete for each request, which V8's collector pays for dearly (`SlotList` says why).
 * Only the ledger and its journal change it; for all others it is a handle.
 */
export class ActiveAttempt implements Slotted {
  readonly record: OpenRecord;
  slot = -1;
  /** The journal's number of its OPEN, then of its CLOSE. */
  seq = 0;
  /** The row of a held attempt. */
  row: UsageRow | undefined = undefined;
  /** The seq of a second copy of the row further on in the journal, which may not be on the disk yet. */
  rewrittenSeq: number | undefined = undefined;

  constructor(record: OpenRecord) {
    this.record = record;
  }

  get isOpen(): boolean {
    return this.slot >= 0 && this.row === undefined;
  }
}
