import type { Kysely } from "kysely";
import { systemClock, type Clock } from "../../core/index.ts";
import { writeKeptChanges, type KeptChange, type Store, type Tables } from "../../store/index.ts";
import { commonColumns, commonValues, isRare, rowValues, usageColumns, type UsageRow } from "./usage-row.ts";

/** The last row of a journal that is in the database. */
export interface JournalCheckpoint {
  readonly journal: string;
  /** Every row of the journal up to this seq is in the database. */
  readonly seq: number;
}

/** Where rows are finally written. */
export interface LedgerSink {
  /**
   * Resolves when all rows and changes of stored responses are in the database, together with the checkpoint. A row whose (request_id, attempt)
   * exists already is skipped, so a batch may be sent again. After a rejection either everything is written or nothing.
   */
  write(rows: readonly UsageRow[], checkpoint?: JournalCheckpoint, changes?: readonly KeptChange[]): Promise<void>;
}

/** A sink whose target can be replaced. A write that fails with the old one is tried again by its writer, with the new one. */
export class ChangingSink implements LedgerSink {
  #target: LedgerSink;

  constructor(target: LedgerSink) {
    this.#target = target;
  }

  write(...batch: Parameters<LedgerSink["write"]>): Promise<void> {
    return this.#target.write(...batch);
  }

  change(target: LedgerSink): void {
    this.#target = target;
  }
}

/**
 * A further step in the transaction that inserts rows. It is given only rows that did not exist before, so it sees each row once, whenever and in
 * whichever process it is ingested. It awaits only the transaction. An error undoes the whole batch, which is tried again.
 */
export type IngestStep = (transaction: Kysely<Tables>, newRows: readonly UsageRow[]) => Promise<void>;

export interface StoreSinkOptions {
  /** In this order; no steps if omitted. */
  readonly steps?: readonly IngestStep[];
  /** The clock for the checkpoints' times. */
  readonly clock?: Clock;
}

/** Writes to the database, one transaction per batch: the rows, the steps for the new rows, the checkpoint. */
export function createStoreSink(store: Pick<Store, "db" | "insertRows">, options: StoreSinkOptions = {}): LedgerSink {
  const { steps = [], clock = systemClock } = options;
  const writeOnce = (choose: RowChoice, checkpoint: JournalCheckpoint | undefined, changes: readonly KeptChange[]): Promise<void> =>
    store.db.transaction().execute(async (transaction) => {
      const rows = await choose(transaction);
      const added = await insertEntries(store, transaction, rows);
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

/** Inserts rows with the columns that they have values in. @returns how many did not exist before. */
export async function insertEntries(
  store: Pick<Store, "insertRows">,
  transaction: Kysely<Tables>,
  rows: readonly UsageRow[],
): Promise<number> {
  const full = rows.filter(isRare);
  if (full.length === 0) return await store.insertRows("usage_entries", commonColumns, rows.map(commonValues), transaction);
  const plain = rows.filter((row) => !isRare(row));
  const added = await store.insertRows("usage_entries", commonColumns, plain.map(commonValues), transaction);
  return added + (await store.insertRows("usage_entries", usageColumns, full.map(rowValues), transaction));
}

/**
 * The last row of a journal that is in the database, and the time of that checkpoint (milliseconds since 1970); `undefined` if none has been written.
 */
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

/** If the database allows concurrent writes, another process may insert the same rows between the look-up and the insert. */
const maxAttempts = 5;

/**
 * Fewer rows were inserted than given, and it is unknown which ones existed. So everything is undone, and the second try looks the rows up first.
 * Nearly every batch contains only new rows and does not pay for this.
 */
class SomeWereThere extends Error {
  constructor() {
    super("Some usage entries of the batch were written by another process at the same time.");
  }
}

/** The most keys in one look-up, as a statement has a limited number of parameters. */
const lookupRows = 500;

/** The rows whose keys do not exist yet; if several rows have one key, the first. */
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
