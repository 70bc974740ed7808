import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import { sizeOfChange, type FileLock, type KeptChange } from "../../store/index.ts";
import { chargedRow } from "../prices/charge.ts";
import type { Disk } from "../journal/disk.ts";
import { listJournals, lockPath, removeFiles } from "../journal/journal-files.ts";
import { createScanReport, readAmendedRows, scanJournal, type ScanReport } from "../journal/journal-scan.ts";
import { finishedSeq } from "../journal/journal.ts";
import type { PriceCatalogue } from "../prices/price-catalogue.ts";
import type { LedgerSink } from "../entries/sink.ts";
import { attemptKey, type OpenRecord } from "../types.ts";
import { interruptedRecord, type UsageRow } from "../entries/usage-row.ts";

export interface ReplayOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly sink: LedgerSink;
  /** A journal's checkpoint, and when it was made, in milliseconds since 1970. */
  readonly readCheckpoint: (journal: string) => Promise<{ readonly seq: number; readonly timeMs: number } | undefined>;
  /** The lock that journals use: a lock that is taken means that the process is alive. */
  readonly lock: (path: string) => FileLock | undefined;
  /** Prices for attempts that a crash has interrupted. */
  readonly prices: PriceCatalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a journal is kept after all of it is in the database; 24 hours by default. */
  readonly keepMs?: number;
  /** 512 MiB. */
  readonly keepBytes?: number;
  /** 1,000. */
  readonly batchRows?: number;
}

export interface ReplaySummary {
  /** Number of journals that were read. */
  readonly journals: number;
  /** Number of rows that were sent to the database, including those that it had already. */
  readonly rows: number;
  /** Attempts that were open when their process died. */
  readonly interrupted: number;
  /** Journals that were skipped, because their process is alive. */
  readonly busy: readonly string[];
}

/** The most characters of changes of stored responses that are written together. */
const maxBatchChars = 8 * 1024 * 1024;
const standardKeepMs = 24 * 3_600_000;
const standardKeepBytes = 512 * 1024 * 1024;

/**
 * Brings the journals of dead processes into the database: every row beyond the checkpoint, and a row `interrupted` for each open attempt, charged
 * for its estimated input. It may be interrupted and repeated at any point. A journal that has been read is removed after `keepMs`, or earlier,
 * oldest first, if the kept journals take more than `keepBytes`.
 * @throws what the sink throws; nothing is lost by that.
 */
export async function replayJournals(options: ReplayOptions): Promise<ReplaySummary> {
  const { disk, directory, clock } = options;
  let journals = 0;
  let rows = 0;
  let interrupted = 0;
  const busy: string[] = [];
  const kept: (readonly string[])[] = [];
  for (const [journal, paths] of listJournals(disk, directory)) {
    const path = lockPath(directory, journal);
    const lock = options.lock(path);
    if (lock === undefined) {
      busy.push(journal);
      continue;
    }
    try {
      const checkpoint = await options.readCheckpoint(journal);
      if (checkpoint?.seq !== finishedSeq) {
        const added = await replay(options, journal, paths, checkpoint?.seq ?? 0);
        journals += 1;
        rows += added.rows;
        interrupted += added.interrupted;
      } else if (clock.now() - checkpoint.timeMs >= (options.keepMs ?? standardKeepMs)) {
        removeAll(options, paths);
      } else {
        kept.push(paths);
      }
    } finally {
      lock.release();
      removeFiles(disk, [path]);
    }
  }
  removeOldest(options, kept);
  return { journals, rows, interrupted, busy };
}

/** @param kept oldest first. */
function removeOldest(options: ReplayOptions, kept: readonly (readonly string[])[]): void {
  const sizes = kept.map((paths) => paths.reduce((sum, path) => sum + options.disk.sizeBytes(path), 0));
  let total = sizes.reduce((sum, size) => sum + size, 0);
  for (const [place, paths] of kept.entries()) {
    if (total <= (options.keepBytes ?? standardKeepBytes)) return;
    total -= sizes[place]!;
    removeAll(options, paths);
  }
}

async function replay(
  options: ReplayOptions,
  journal: string,
  paths: readonly string[],
  coveredSeq: number,
): Promise<{ readonly rows: number; readonly interrupted: number }> {
  const { disk, sink, prices, logger, batchRows = 1000 } = options;
  await makeDurable(options, paths);
  const amended = readAmendedRows(disk, paths);
  const report = createScanReport();
  const open = new Map<string, OpenRecord>();
  /** The time of the process's last record. */
  let lastMs = 0;
  let rows = 0;
  let batch: UsageRow[] = [];
  let changes: KeptChange[] = [];
  let changeChars = 0;
  // Without checkpoints until the end: records that were written again are not in the order of their seqs.
  for (const found of scanJournal(disk, paths, coveredSeq, report)) {
    if (found.type === "open") {
      lastMs = Math.max(lastMs, found.record.timeMs);
      open.set(attemptKey(found.record.requestId, found.record.attempt), found.record);
      continue;
    }
    if (found.type === "keep") {
      changes.push(found.change);
      changeChars += sizeOfChange(found.change);
      if (changeChars < maxBatchChars) continue;
      await sink.write([], undefined, changes);
      changes = [];
      changeChars = 0;
      continue;
    }
    const key = attemptKey(found.row.request_id, found.row.attempt);
    lastMs = Math.max(lastMs, found.row.time_ms + found.row.duration_ms);
    open.delete(key);
    // An AMEND whose row has been written in place of that of its CLOSE.
    if (found.covered || (found.type === "amend" && !amended.has(key))) continue;
    const row = amended.get(key) ?? found.row;
    amended.delete(key);
    rows += 1;
    batch.push(row);
    if (batch.length < batchRows) continue;
    await sink.write(batch);
    batch = [];
  }
  for (const record of open.values()) batch.push(chargedRow(prices, interruptedRecord(record, lastMs, "gateway_crashed")));
  await sink.write(batch, { journal, seq: finishedSeq }, changes);
  tell(logger, journal, report);
  logger.info({ journal, rows, interrupted: open.size, torn_bytes: report.tornBytes }, "the journal of an earlier process was replayed");
  return { rows, interrupted: open.size };
}

/**
 * The process died before its last sync, and the database's last transactions may not have reached the disk either. If the power fails now, at least
 * one of the two must be on the disk.
 */
async function makeDurable({ disk, directory, logger }: ReplayOptions, paths: readonly string[]): Promise<void> {
  try {
    for (const path of paths) {
      const file = disk.open(path);
      try {
        await file.sync();
      } finally {
        file.close();
      }
    }
    await disk.syncDirectory(directory);
  } catch (error) {
    logger.warn({ directory, error: messageOf(error) }, "the journal of an earlier process could not be synced; it is read as it is");
  }
}

/** Reports all losses, so that an operator can look at the files, which are kept for a day. */
function tell(logger: Logger, journal: string, report: ScanReport): void {
  for (const { path, position, sizeBytes, reason } of report.damages)
    logger.error({ journal, file: path, position, bytes: sizeBytes, reason }, "a part of a journal cannot be read");
  for (const [from, to] of report.missing)
    logger.error(
      { journal, from_seq: from, to_seq: to, records: to - from + 1 },
      "records of a journal are missing: their usage may not be in the ledger",
    );
}

function removeAll(options: ReplayOptions, paths: readonly string[]): void {
  for (const path of paths) {
    try {
      options.disk.remove(path);
    } catch (error) {
      options.logger.warn({ file: path, error: messageOf(error) }, "a journal could not be removed");
    }
  }
}
