import type { Kysely } from "kysely";
import { systemClock, type Clock } from "../../core/index.ts";
import { writeKeptChanges, type KeptChange, type Store, type Tables } from "../../store/index.ts";
import { rowValues, usageColumns, type UsageRow } from "./usage-row.ts";

/** Up to where the rows of a journal are in the database. */
export interface JournalCheckpoint {
  readonly journal: string;
  /** Every row of the journal up to this seq is there. */
  readonly seq: number;
}

/** Where rows go in the end. */
export interface LedgerSink {
  /**
   * Resolves when all rows and changes of stored responses are in the database, and the checkpoint with them. A row whose (request_id, attempt) is there already is skipped, so that a
   * batch may be sent again. After a rejection all of it is there or nothing is.
   */
  write(rows: readonly UsageRow[], checkpoint?: JournalCheckpoint, changes?: readonly KeptChange[]): Promise<void>;
}

/**
 * What else happens with rows in the transaction that makes them: once for each row, whenever and by whomever it is taken in, as a step is given only
 * rows that were not there before. It awaits nothing but the transaction. What it throws undoes the whole batch, which is then tried again.
 */
export type IngestStep = (transaction: Kysely<Tables>, newRows: readonly UsageRow[]) => Promise<void>;

export interface StoreSinkOptions {
  /** In this order; none where left out. */
  readonly steps?: readonly IngestStep[];
  /** Of the checkpoints' times. */
  readonly clock?: Clock;
}

/** Writes to the database, one transaction a batch: the rows, the steps over those that are new, the checkpoint. */
export function createStoreSink(store: Pick<Store, "db" | "insertRows">, options: StoreSinkOptions = {}): LedgerSink {
  const { steps = [], clock = systemClock } = options;
  const writeOnce = (choose: RowChoice, checkpoint: JournalCheckpoint | undefined, changes: readonly KeptChange[]): Promise<void> =>
    store.db.transaction().execute(async (transaction) => {
      const rows = await choose(transaction);
      const added = await store.insertRows("usage_entries", usageColumns, rows.map(rowValues), transaction);
      if (added !== rows.length) throw new SomeWereThere();
      if (added > 0) for (const step of steps) await step(transaction, rows);
      if (changes.length > 0) await writeKeptChanges(store, transaction, changes);
      if (checkpoint !== undefined) await writeCheckpoint(transaction, checkpoint, clock.now());
    });
  return {
    async write(rows, checkpoint, changes = []) {
      let choose: RowChoice = () => rows;
      for (let attempt = 1; ; attempt++) {
        try {
          return await writeOnce(choose, checkpoint, changes);
        } catch (error) {
          if (!(error instanceof SomeWereThere) || attempt === maxAttempts) throw error;
          choose = (transaction) => withoutKnown(transaction, rows);
        }
      }
    },
  };
}

/** Up to where the rows of a journal are in the database, and since when (milliseconds since 1970); `undefined` where none has been written. */
export async function readCheckpoint(
  store: Pick<Store, "db">,
  journal: string,
): Promise<(JournalCheckpoint & { readonly timeMs: number }) | undefined> {
  return await store.db
    .selectFrom("journal_checkpoints")
    .select(["journal", "seq", "time_ms as timeMs"])
    .where("journal", "=", journal)
    .executeTakeFirst();
}

type RowChoice = (transaction: Kysely<Tables>) => readonly UsageRow[] | Promise<readonly UsageRow[]>;

/** Between the look and the insert another process may have put in the same rows, as long as the database lets two write at once. */
const maxAttempts = 5;

/**
 * Fewer rows went in than were given. Which ones they were, nobody knows by then: all is undone, and the second time it is looked up first. Nearly
 * every batch is all new, and pays nothing for this.
 */
class SomeWereThere extends Error {
  constructor() {
    super("Some usage entries of the batch were written by another process at the same time.");
  }
}

/** A key is looked for among so many at a time, as a statement has a bounded number of parameters. */
const lookupRows = 500;

/** The rows whose keys are not there yet; of several with one key the first. */
async function withoutKnown(transaction: Kysely<Tables>, rows: readonly UsageRow[]): Promise<readonly UsageRow[]> {
  const ids = [...new Set(rows.map((row) => row.request_id))];
  const known = new Set<string>();
  for (let at = 0; at < ids.length; at += lookupRows) {
    const found = await transaction
      .selectFrom("usage_entries")
      .select(["request_id", "attempt"])
      .where("request_id", "in", ids.slice(at, at + lookupRows))
      .execute();
    for (const row of found) known.add(keyOf(row));
  }
  return rows.filter((row) => {
    const key = keyOf(row);
    if (known.has(key)) return false;
    known.add(key);
    return true;
  });
}

function keyOf(row: Pick<UsageRow, "request_id" | "attempt">): string {
  return `${row.attempt} ${row.request_id}`;
}

async function writeCheckpoint(transaction: Kysely<Tables>, { journal, seq }: JournalCheckpoint, nowMs: number): Promise<void> {
  await transaction
    .insertInto("journal_checkpoints")
    .values({ journal, seq, time_ms: nowMs })
    .onConflict((conflict) => conflict.column("journal").doUpdateSet({ seq, time_ms: nowMs }))
    .execute();
}
