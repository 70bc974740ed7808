import type { OpenRecord } from "./types.ts";
import type { UsageRow } from "./usage-row.ts";

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

/** OPEN: an attempt is about to be dispatched. CLOSE: it is over, and this is its row. */
export type JournalRecord = { readonly type: "open"; readonly record: OpenRecord } | { readonly type: "close"; readonly row: UsageRow };

/**
 * Keeps records from the moment they are made until the database has them. In order; rows leave it only by `acknowledge`, so that a row is
 * written at least once, and the database's key makes that exactly once.
 */
export interface Journal {
  readonly durability: Durability;
  /**
   * Takes a record. `undefined` when it is as durable as the level asks already, else a promise that resolves when it is and rejects when it cannot
   * be. Nobody waits for an OPEN.
   */
  append(record: JournalRecord): Promise<void> | undefined;
  /** Rows that the database has not acknowledged. */
  readonly pending: number;
  /** Whether this many records more would find room. `append` takes them even where not: what has been answered must be kept. */
  hasRoom(records: number): boolean;
  /** The oldest pending rows, at most `limit`. */
  peek(limit: number): readonly UsageRow[];
  /** The database has the oldest `count` pending rows. */
  acknowledge(count: number): void;
}

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
  return new MemoryJournal(options.capacityRows ?? 200_000);
}

class MemoryJournal implements Journal {
  readonly durability = "async";
  readonly #capacity: number;
  #rows: UsageRow[] = [];
  /** Rows before this index are acknowledged. */
  #head = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  append(record: JournalRecord): undefined {
    if (record.type === "close") this.#rows.push(record.row);
    return undefined;
  }

  get pending(): number {
    return this.#rows.length - this.#head;
  }

  hasRoom(records: number): boolean {
    return this.pending + records <= this.#capacity;
  }

  peek(limit: number): readonly UsageRow[] {
    return this.#rows.slice(this.#head, this.#head + limit);
  }

  acknowledge(count: number): void {
    this.#head = Math.min(this.#head + count, this.#rows.length);
    if (this.#head === this.#rows.length) {
      this.#rows = [];
      this.#head = 0;
    } else if (this.#head * 2 > this.#rows.length) {
      // Moving the rest is paid for by what has left, so a long queue costs no more a row than a short one.
      this.#rows = this.#rows.slice(this.#head);
      this.#head = 0;
    }
  }
}
