import type { KeptChange } from "../../store/index.ts";
import { RowQueue, type QueuedChange } from "./journal-queue.ts";
import type { JournalCheckpoint } from "../entries/sink.ts";
import { SlotList } from "../../core/index.ts";
import type { ActiveAttempt } from "../active-attempt.ts";
import type { Correction } from "../types.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import { correctRow, UnsettledRows } from "./unsettled-rows.ts";

/**
 * What a record survives once `append` has confirmed it.
 *
 * | level | kill -9 | power loss |
 * |---|---|---|
 * | `power` | yes | yes |
 * | `process` | yes | all but the last 50 ms |
 * | `async` | no | no |
 */
export type Durability = "power" | "process" | "async";

/**
 * OPEN: an attempt is about to be dispatched. CLOSE: it is over, and this is its row, which has no attempt if the request was refused; `unsettled`: the row
 * is not written to the database before `release`. KEEP: a change of a stored response.
 */
export type JournalRecord =
  | { readonly type: "open"; readonly attempt: ActiveAttempt }
  | { readonly type: "close"; readonly row: UsageRow; readonly attempt?: ActiveAttempt; readonly unsettled?: boolean }
  | { readonly type: "keep"; readonly queued: QueuedChange };

/** Rows that are removed from a journal together. */
export interface JournalBatch {
  readonly rows: readonly UsageRow[];
  readonly changes: readonly KeptChange[];
  /** Rows and changes together. */
  readonly count: number;
  /** Where reading continues after a crash, once these rows are in the database. A journal in memory has none. */
  readonly checkpoint?: JournalCheckpoint;
}

/**
 * Keeps records until the database has them, in order. Rows are removed only by `acknowledge`, so each row is written at least once; the database's
 * checkpoint and key make that exactly once.
 */
export interface Journal {
  readonly durability: Durability;
  /**
   * Appends a record. `undefined` if it is already as durable as the level requires; otherwise a promise that resolves when it is, and rejects if it
   * cannot be. The caller does not wait for an OPEN. A row is kept in either case, and reaches the database if the process lives.
   */
  append(record: JournalRecord): Promise<void> | undefined;
  /** The attempts with an OPEN and without a CLOSE. */
  readonly openAttempts: Pick<SlotList<ActiveAttempt>, "size" | "forEach">;
  /** Releases the unsettled row of this attempt, with the values of `correction`. Does nothing if its row is not unsettled. */
  release(attempt: ActiveAttempt, correction?: Correction): void;
  /** Releases all unsettled rows. */
  releaseAll(): void;
  /** Rows and changes that the database has not acknowledged, without those that are unsettled. */
  readonly pending: number;
  /** Rows that wait for their `release`. */
  readonly unsettled: number;
  /** Whether there is room for this number of records. `append` accepts records even without room: an answered request must be recorded. */
  hasRoom(records: number): boolean;
  /** The oldest pending rows and changes, at most `limit`. */
  peek(limit: number): JournalBatch;
  /** Confirms that the database has the oldest `count` of the pending, and their checkpoint. */
  acknowledge(count: number): void;
  /** The checkpoint of a journal that is closed: nothing of it has to be read again. `undefined` if there is nothing to read. */
  readonly finalCheckpoint: JournalCheckpoint | undefined;
  /**
   * Checks whether the files still exist. If not, makes new ones and writes the records that the database lacks to them. Called about once a second.
   */
  inspect(): void;
  facts(): JournalFacts;
  /** Makes all records durable and closes the files. `finished`: `finalCheckpoint` is in the database. */
  close(finished: boolean): Promise<void>;
}

export interface JournalFacts {
  /** Why it accepts no records, or soon will not, in words for an operator. `undefined`: there is no problem. */
  readonly problem: string | undefined;
  readonly segments: number;
  readonly sizeBytes: number;
}

/** The limit for stored responses in memory that wait for the database, in characters. */
export const maxChangeChars = 256 * 1024 * 1024;

/** The seq of a checkpoint that covers a whole journal, including its attempts that were never closed. */
export const finishedSeq = Number.MAX_SAFE_INTEGER;

export interface MemoryJournalOptions {
  /** The most rows in memory, about 500 bytes each; 200,000 by default. */
  readonly capacityRows?: number;
}

/**
 * A journal of level `async`. It guarantees that no row is lost or repeated while the process lives, whatever the database does, and that it reports
 * when it is full. It guarantees nothing beyond the process: a crash, kill -9 or power loss loses every pending row, and every attempt that was open
 * then leaves no row at all.
 */
export function createMemoryJournal(options: MemoryJournalOptions = {}): Journal {
  const capacity = options.capacityRows ?? 200_000;
  const queue = new RowQueue();
  const unsettled = new UnsettledRows();
  const open = new SlotList<ActiveAttempt>();
  const release = (attempt: ActiveAttempt, correction?: Correction): void => {
    const row = unsettled.take(attempt);
    if (row !== undefined) queue.push(correction === undefined ? row : correctRow(row, correction), 0);
  };
  return {
    durability: "async",
    append(record) {
      if (record.type === "open") {
        open.add(record.attempt);
      } else if (record.type === "keep") {
        queue.pushChange(record.queued, 0);
      } else {
        const { attempt, row } = record;
        if (attempt !== undefined) open.delete(attempt);
        if (attempt !== undefined && record.unsettled === true) unsettled.add(attempt, row, 0);
        else queue.push(row, 0);
      }
      return undefined;
    },
    openAttempts: open,
    release,
    releaseAll() {
      unsettled.forEach((attempt) => release(attempt));
    },
    get pending() {
      return queue.length;
    },
    get unsettled() {
      return unsettled.size;
    },
    hasRoom: (records) => queue.length + unsettled.size + records <= capacity && queue.changeChars <= maxChangeChars,
    peek: (limit) => queue.peek(limit),
    acknowledge: (count) => queue.drop(count),
    finalCheckpoint: undefined,
    inspect: () => undefined,
    facts: () => ({ problem: queue.length < capacity ? undefined : "the memory for usage entries is full", segments: 0, sizeBytes: 0 }),
    close: () => Promise.resolve(),
  };
}
