import { closeSync, openSync } from "node:fs";
import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import {
  createFileJournal,
  createJournalName,
  createMemoryJournal,
  createNodeDisk,
  finishedSeq,
  listJournals,
  readCheckpoint,
  replayJournals,
  type DescriptorReserve,
  type Durability,
  type Journal,
  type LedgerSink,
  type LedgerStatus,
  type PriceCatalogue,
} from "../../ledger/index.ts";
import { takeFileLock, type FileLock, type Store } from "../../store/index.ts";

/** SQLite would make the file with the umask's mode. */
function lock(path: string): FileLock | undefined {
  closeSync(openSync(path, "a", 0o600));
  return takeFileLock(path);
}

/** Of all journals of a database together. */
const capacityBytes = 2 * 1024 ** 3;
const capacityRows = 500_000;
/** A worker whose primary has ended ends at once; its journal may still be locked for this time. */
const busyTries = 20;
const busyPauseMs = 100;

export interface JournalOptions {
  readonly directory: string;
  readonly durability: Durability;
  /** Processes that share the room. 0: this one serves no requests, and needs no files. */
  readonly processes: number;
  /** How long records stay that are in the database already. */
  readonly keepMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Descriptors for when the process may open no more files. */
  readonly reserve: DescriptorReserve;
}

/** The journal of this process. @throws Error if its directory cannot be used. */
export function openJournal(options: JournalOptions): Journal {
  const { directory, durability, processes, keepMs, clock, logger, reserve } = options;
  if (durability === "async" || processes === 0) return createMemoryJournal();
  const name = createJournalName(clock.now(), process.pid, Math.random());
  try {
    return createFileJournal({
      disk: createNodeDisk(reserve),
      directory,
      name,
      durability,
      keepMs,
      clock,
      logger,
      lock,
      capacityBytes: capacityBytes / processes,
      capacityRows: Math.ceil(capacityRows / processes),
    });
  } catch (error) {
    throw new Error(
      `The journal of the ledger cannot be written in ${directory}: ${messageOf(error)}. Make room there, or let this user write there; ` +
        "with ledger.durability: async there is no journal.",
      { cause: error },
    );
  }
}

export interface ReplayDeps {
  readonly directory: string;
  /** How long a journal stays after it has been read. */
  readonly keepMs: number;
  readonly store: Store;
  readonly sink: LedgerSink;
  readonly prices: () => PriceCatalogue;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Writes the records of dead processes into the database; see `replayJournals`.
 * @param alone no other process should use this database: if one does, it is about to end, and this call waits for it.
 * @throws Error if the database refuses them.
 */
export async function replayLeftJournals(deps: ReplayDeps, alone: boolean): Promise<void> {
  const { directory, keepMs, store, sink, clock, logger } = deps;
  for (let tries = 1; ; tries++) {
    const { busy } = await replayJournals({
      disk: createNodeDisk(),
      directory,
      keepMs,
      sink,
      readCheckpoint: (journal) => readCheckpoint(store, journal),
      lock,
      prices: deps.prices(),
      clock,
      logger,
    });
    if (!alone || busy.length === 0) return;
    if (tries === busyTries) {
      logger.warn({ journals: busy }, "journals are written by other processes; they are replayed when those have ended");
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, busyPauseMs));
  }
}

/** What `tokligence ledger status` shows. Numbers of a daemon are `null` if none runs. */
export interface LedgerReport {
  readonly durability: Durability;
  readonly healthy: boolean | null;
  readonly problem: string | null;
  /** Entries that are not in the database yet. */
  readonly queued: number | null;
  /** How long the oldest of them has waited; `null` with several workers. */
  readonly lag_ms: number | null;
  readonly open_attempts: number | null;
  /** RFC 3339. */
  readonly last_checkpoint: string | null;
  readonly directory: string;
  readonly journals: readonly {
    readonly journal: string;
    readonly segments: number;
    readonly size_bytes: number;
    /** All of it is in the database; it is kept for a day. */
    readonly finished: boolean;
  }[];
}

/** The numbers of the processes that serve. */
export type LiveLedger = Pick<LedgerReport, "healthy" | "problem" | "queued" | "lag_ms" | "open_attempts">;

export const noLiveLedger: LiveLedger = { healthy: null, problem: null, queued: null, lag_ms: null, open_attempts: null };

export function liveLedger(status: LedgerStatus): LiveLedger {
  const { healthy, lastError, queued, lagMs, open } = status;
  return { healthy, problem: lastError ?? null, queued, lag_ms: lagMs, open_attempts: open };
}

export async function describeLedger(store: Store, directory: string, durability: Durability, live: LiveLedger): Promise<LedgerReport> {
  const disk = createNodeDisk();
  const checkpoints = await store.db.selectFrom("journal_checkpoints").selectAll().execute();
  const lastMs = Math.max(0, ...checkpoints.map((checkpoint) => checkpoint.time_ms));
  return {
    durability,
    ...live,
    last_checkpoint: lastMs === 0 ? null : new Date(lastMs).toISOString(),
    directory,
    journals: [...listJournals(disk, directory)].map(([journal, paths]) => ({
      journal,
      segments: paths.length,
      size_bytes: paths.reduce((sum, path) => sum + disk.sizeBytes(path), 0),
      finished: checkpoints.some((checkpoint) => checkpoint.journal === journal && checkpoint.seq === finishedSeq),
    })),
  };
}
