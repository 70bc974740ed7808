import { messageOf, type Clock, type Logger, systemSchedule, type Schedule } from "../core/index.ts";
import { lowerSealedPlace, type Store } from "../store/index.ts";
import { spanMs } from "./rollups/rollup.ts";

/** Rows per statement: it blocks the database for a few milliseconds. */
const batchRows = 500;
const batchBodies = 50;
const betweenBatchesMs = 100;
const betweenRoundsMs = 10 * 60_000;

export interface RetentionOptions {
  readonly store: Pick<Store, "db" | "dropUsageBefore">;
  /** How long entries are kept, in milliseconds; `undefined`: for ever. Called in each round, so that a reload changes it. */
  readonly entriesMs: () => number | undefined;
  /** The same for bodies, which are never kept for ever. */
  readonly bodiesMs: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule?: Schedule;
}

/** Deletes entries and bodies that are past their time, in the background, in small batches. The sums of entries by hour and day stay. */
export interface Retention {
  /** Runs one statement for each of them. @returns whether there is more to delete now. */
  step(): Promise<boolean>;
  /** Waits for the active statement; none comes after it. */
  close(): Promise<void>;
}

export function createRetention(options: RetentionOptions): Retention {
  const { store, logger, clock, schedule = systemSchedule } = options;
  const step = async (): Promise<boolean> => {
    const moreBodies = await deleteBodiesBefore(store, clock.now() - options.bodiesMs());
    return (await stepEntries()) || moreBodies;
  };
  const stepEntries = async (): Promise<boolean> => {
    const keepMs = options.entriesMs();
    if (keepMs === undefined) return false;
    // Whole days, so that no hour is deleted partly: its sums could not be calculated from the rest.
    const markMs = Math.floor((clock.now() - keepMs) / spanMs.day) * spanMs.day;
    return markMs > 0 && (await deleteBefore(store, markMs));
  };
  let running: Promise<void> = Promise.resolve();
  let closed = false;
  const round = async (): Promise<void> => {
    const more = await step().catch((error: unknown) => {
      logger.warn({ error: messageOf(error) }, "usage entries or bodies past their time could not be deleted; it is tried again later");
      return false;
    });
    if (!closed) plan(more ? betweenBatchesMs : betweenRoundsMs);
  };
  let cancel = (): void => undefined;
  const plan = (delayMs: number): void => {
    cancel = schedule(delayMs, () => {
      running = round();
    });
  };
  plan(betweenBatchesMs);
  return {
    step,
    async close() {
      closed = true;
      cancel();
      await running;
    },
  };
}

/** A body may have megabytes, so fewer are deleted at a time. @returns whether there are more. */
async function deleteBodiesBefore({ db }: RetentionOptions["store"], markMs: number): Promise<boolean> {
  const found = await db
    .selectFrom("entry_bodies")
    .select(["request_id"])
    .where("time_ms", "<", markMs)
    .orderBy("time_ms")
    .limit(batchBodies)
    .execute();
  if (found.length === 0) return false;
  const ids = found.map((row) => row.request_id);
  await db.deleteFrom("entry_bodies").where("request_id", "in", ids).where("time_ms", "<", markMs).execute();
  return found.length === batchBodies;
}

/** The mark moves first: a trigger refuses to delete anything above it, and reports use it to know which hours have no entries. */
async function deleteBefore(store: RetentionOptions["store"], markMs: number): Promise<boolean> {
  const { db } = store;
  await db
    .updateTable("retention")
    .set({ deletable_before_ms: markMs })
    .where("name", "=", "usage_entries")
    .where("deletable_before_ms", "<", markMs)
    .execute();
  if (store.dropUsageBefore !== undefined) {
    await store.dropUsageBefore(markMs);
    return false;
  }
  // By time, as that is the index. Entries of the same instant are deleted together.
  const last = await db
    .selectFrom("usage_entries")
    .select("time_ms")
    .where("time_ms", "<", markMs)
    .orderBy("time_ms")
    .limit(1)
    .offset(batchRows - 1)
    .executeTakeFirst();
  const untilMs = last === undefined ? markMs : last.time_ms + 1;
  await db.transaction().execute(async (transaction) => {
    await transaction.deleteFrom("usage_entries").where("time_ms", "<", untilMs).execute();
    await lowerSealedPlace(transaction);
  });
  return last !== undefined;
}
