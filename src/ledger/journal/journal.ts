import type { KeptChange } from "../../store/index.ts";
import { RowQueue, type QueuedChange } from "./journal-queue.ts";
import type { JournalCheckpoint } from "../entries/sink.ts";
import type { Correction, OpenRecord } from "../types.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import { correctRow, HeldRows } from "./held-rows.ts";

/**
 * What a record survives once `append` has answered.
 *
 * | level | kill -9 | power loss |
 * |---|---|---|
 * | `power` | yes | yes |
 * | `process` | yes | all but the last 50 ms |
 * | `async` | no | no |
 */
export type Durability = "power" | "process" | "async";

/** OPEN: an attempt is about to be dispatched. CLOSE: it is over, and this is its row; `held`: not for the database before `release`. KEEP: what happens to a stored response. */
export type JournalRecord =
  | { readonly type: "open"; readonly record: OpenRecord }
  | { readonly type: "close"; readonly row: UsageRow; readonly held?: boolean }
  | { readonly type: "keep"; readonly queued: QueuedChange };

/** Rows that leave a journal together. */
export interface JournalBatch {
  readonly rows: readonly UsageRow[];
  readonly changes: readonly KeptChange[];
  /** Rows and changes together. */
  readonly count: number;
  /** Where the journal is read again after a crash, once these rows are in the database. A journal in memory has none. */
  readonly checkpoint?: JournalCheckpoint;
}

/**
 * Keeps records from the moment they are made until the database has them. In order; rows leave it only by `acknowledge`, so that a row is
 * written at least once, and checkpoint and key of the database make that exactly once.
 */
export interface Journal {
  readonly durability: Durability;
  /**
   * Takes a record. `undefined` when it is as durable as the level asks already, else a promise that resolves when it is and rejects when it cannot
   * be. Nobody waits for an OPEN. A row is kept in either case, and reaches the database if the process lives.
   */
  append(record: JournalRecord): Promise<void> | undefined;
  /** The row of this attempt is held no more, and says what the correction says. Does nothing if no such row is held. @param key `attemptKey`. */
  release(key: string, correction?: Correction): void;
  /** No row is held any more. */
  releaseAll(): void;
  /** Rows and changes that the database has not acknowledged, without those that are held. */
  readonly pending: number;
  /** Rows that wait for their `release`. */
  readonly held: number;
  /** Whether this many records more would find room. `append` takes them even where not: what has been answered must be kept. */
  hasRoom(records: number): boolean;
  /** The oldest that are pending, at most `limit`. */
  peek(limit: number): JournalBatch;
  /** The database has the oldest `count` that are pending, and their checkpoint. */
  acknowledge(count: number): void;
  /** The checkpoint of a journal that ends in order: nothing of it has to be read again. `undefined` where there is nothing to read. */
  readonly finalCheckpoint: JournalCheckpoint | undefined;
  /** Looks whether its files are still there; if not, makes new ones, and writes to them what the database lacks. Called about every second. */
  inspect(): void;
  facts(): JournalFacts;
  /** Makes durable what there is and lets go of the files. `finished`: `finalCheckpoint` is in the database. */
  close(finished: boolean): Promise<void>;
}

export interface JournalFacts {
  /** Why it takes nothing, or soon will not: in words for an operator. `undefined`: all is well. */
  readonly problem: string | undefined;
  readonly segments: number;
  readonly sizeBytes: number;
}

/** Stored responses that wait for the database may take this much memory, in characters. */
export const maxChangeChars = 256 * 1024 * 1024;

/** The seq of a checkpoint that covers a whole journal, with its attempts that were never closed. */
export const finishedSeq = Number.MAX_SAFE_INTEGER;

export interface MemoryJournalOptions {
  /** Rows it has room for, some 500 bytes each; 200,000 where left out. */
  readonly capacityRows?: number;
}

/**
 * A journal of level `async`. It promises that no row is lost or repeated while the process lives, whatever the database does, and that it says when
 * it is full. It promises nothing beyond the process: a crash, kill -9 or power loss loses every pending row, and every attempt that was open then
 * leaves no row at all. OPEN records are not kept; the ledger knows what is open.
 */
export function createMemoryJournal(options: MemoryJournalOptions = {}): Journal {
  const capacity = options.capacityRows ?? 200_000;
  const queue = new RowQueue();
  const held = new HeldRows();
  const release = (key: string, correction?: Correction): void => {
    const row = held.take(key)?.row;
    if (row !== undefined) queue.push(correction === undefined ? row : correctRow(row, correction), 0);
  };
  return {
    durability: "async",
    append(record) {
      if (record.type === "close" && record.held === true) held.add(record.row, 0);
      else if (record.type === "close") queue.push(record.row, 0);
      else if (record.type === "keep") queue.pushChange(record.queued, 0);
      return undefined;
    },
    release,
    releaseAll() {
      for (const key of held.keys()) release(key);
    },
    get pending() {
      return queue.length;
    },
    get held() {
      return held.size;
    },
    hasRoom: (records) => queue.length + held.size + records <= capacity && queue.changeChars <= maxChangeChars,
    peek: (limit) => queue.peek(limit),
    acknowledge: (count) => queue.drop(count),
    finalCheckpoint: undefined,
    inspect: () => undefined,
    facts: () => ({ problem: queue.length < capacity ? undefined : "the memory for usage entries is full", segments: 0, sizeBytes: 0 }),
    close: () => Promise.resolve(),
  };
}
