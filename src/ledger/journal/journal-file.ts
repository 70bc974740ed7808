import { SlotList, type Clock, type Logger, systemSchedule, type Schedule } from "../../core/index.ts";
import type { FileLock } from "../../store/index.ts";
import type { Disk } from "./disk.ts";
import { encodeClose, encodeKeep, encodeOpen, recordTypes } from "./journal-codec.ts";
import { correctRow, UnsettledRows } from "./unsettled-rows.ts";
import { JournalCommits } from "./journal-commits.ts";
import { lockPath, removeEmptyDirectory, removeFiles } from "./journal-files.ts";
import { RowQueue } from "./journal-queue.ts";
import { Segments } from "./journal-segments.ts";
import { finishedSeq, maxChangeChars, type Journal, type JournalBatch, type JournalFacts, type JournalRecord } from "./journal.ts";
import type { JournalCheckpoint } from "../entries/sink.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import type { ActiveAttempt } from "../active-attempt.ts";
import type { Correction } from "../types.ts";

export interface FileJournalOptions {
  readonly disk: Disk;
  /** Made if it is missing. */
  readonly directory: string;
  /** A name that no other journal uses, ever (`createJournalName`). */
  readonly name: string;
  readonly durability: "power" | "process";
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes the lock of the journal, so that a process that replays journals skips this one: `takeFileLock`. */
  readonly lock: (path: string) => FileLock | undefined;
  readonly schedule?: Schedule;
  /** Calls back after this turn of the event loop: `setImmediate`. */
  readonly afterTurn?: (callback: () => void) => void;
  /** 16 MiB. */
  readonly segmentBytes?: number;
  /** The limit for records that the database does not have; 2 GiB. At 80 % the log warns, at 100 % no request is admitted. */
  readonly capacityBytes?: number;
  /** The limit for rows that the database does not have, which are in memory as well; 500,000. */
  readonly capacityRows?: number;
  /** With `process`: the delay from a write to the start of its sync; 40. */
  readonly syncMs?: number;
  /** How long a segment is kept after its rows are in the database; 24 hours. */
  readonly keepMs?: number;
  /** How long an OPEN waits so that it can be written with a CLOSE; 5. */
  readonly openMs?: number;
  /** Pause between tries while the disk fails; 1,000. */
  readonly retryMs?: number;
}

const alarmShare = 0.8;
/** The limit for bytes in memory that wait for a sync. More means that the disk does not answer. */
const maxWindowBytes = 64 * 1024 * 1024;
/** The size that is assumed for a record before it exists. */
const recordBytes = 1024;
/** How long lost files are reported. */
const lostNoticeMs = 5 * 60_000;
const standardKeepMs = 24 * 3_600_000;

/**
 * A journal on disk. `Durability` says what it guarantees, and `JournalCommits` handles a failing disk. One process writes it, in segments. A segment
 * whose rows are in the database is kept for `keepMs`, or as long as the kept segments fit into a quarter of the capacity; its attempts that are
 * still open are opened again in the current segment. Files that are removed from outside are noticed and replaced. While the disk fails, `append`
 * rejects and `hasRoom` returns false.
 * @throws the system's error if the directory cannot be used.
 */
export function createFileJournal(options: FileJournalOptions): Journal {
  return new FileJournal(options);
}

class FileJournal implements Journal {
  readonly durability: "power" | "process";
  readonly #name: string;
  readonly #options: FileJournalOptions;
  readonly #logger: Logger;
  #lock: FileLock;
  #lockId: string | undefined;
  /** When files were last lost; monotonic milliseconds. */
  #lostMs = -Infinity;
  readonly #segments: Segments;
  readonly #commits: JournalCommits;
  readonly #capacityBytes: number;
  readonly #capacityRows: number;
  readonly #queue = new RowQueue();
  readonly #unsettled = new UnsettledRows();
  /** Rows that say something else than their CLOSE. */
  readonly #amended = new WeakSet<UsageRow>();
  readonly openAttempts = new SlotList<ActiveAttempt>();
  #seq = 0;
  /** Of the last row or change. */
  #rowSeq = 0;
  #reopenedSeq = 0;
  #rows = 0;
  #alarmed = false;
  #closed = false;
  #cancelOpen: (() => void) | undefined;

  constructor(options: FileJournalOptions) {
    const { disk, directory, name, durability, segmentBytes = 16 * 1024 * 1024 } = options;
    this.durability = durability;
    this.#name = name;
    this.#options = options;
    this.#logger = options.logger;
    this.#capacityBytes = options.capacityBytes ?? 2 * 1024 ** 3;
    this.#capacityRows = options.capacityRows ?? 500_000;
    disk.makeDirectory(directory);
    const lock = options.lock(lockPath(directory, name));
    if (lock === undefined) throw new Error(`The journal ${name} in ${directory} is written by another process.`);
    this.#lock = lock;
    this.#lockId = disk.identify(lockPath(directory, name))?.id;
    this.#segments = new Segments({
      disk,
      directory,
      journal: name,
      clock: options.clock,
      logger: options.logger,
      segmentBytes,
      fill: durability === "power",
      keepMs: options.keepMs ?? standardKeepMs,
      keepBytes: this.#capacityBytes / 4,
    });
    this.#commits = new JournalCommits({
      segments: this.#segments,
      syncsEach: durability === "power",
      logger: options.logger,
      schedule: options.schedule ?? systemSchedule,
      afterTurn: options.afterTurn ?? setImmediate,
      syncMs: options.syncMs ?? 40,
      retryMs: options.retryMs ?? 1000,
      onSegment: () => {
        this.#watchFill();
      },
      findLost: () => this.#segments.findLost() ?? this.#findLostLock(),
      onLost: (path) => {
        this.#makeUp(path);
      },
    });
    try {
      this.#segments.begin();
      if (durability === "power") this.#segments.prepare();
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  append(record: JournalRecord): Promise<void> | undefined {
    const seq = ++this.#seq;
    if ((seq & 1023) === 0) this.#watchFill();
    if (record.type === "open") {
      this.#pushOpen(record.attempt, seq);
      this.openAttempts.add(record.attempt);
      const { schedule = systemSchedule, openMs = 5 } = this.#options;
      this.#cancelOpen ??= schedule(openMs, () => {
        this.#cancelOpen = undefined;
        this.#commits.writeLate();
      });
      return undefined;
    }
    if (record.type === "keep") {
      this.#commits.push(recordTypes.keep, seq, encodeKeep(record.queued.change));
      this.#queue.pushChange(record.queued, seq);
    } else {
      const { attempt, row } = record;
      this.#commits.push(recordTypes.close, seq, encodeClose(row));
      if (attempt !== undefined) this.openAttempts.delete(attempt);
      if (attempt !== undefined && record.unsettled === true) this.#unsettled.add(attempt, row, seq);
      else this.#queue.push(row, seq);
    }
    this.#rows += 1;
    this.#rowSeq = seq;
    return this.durability === "power" ? this.#commits.afterSync() : this.#commits.afterTurn();
  }

  release(attempt: ActiveAttempt, correction?: Correction): void {
    const unsettled = this.#unsettled.take(attempt);
    if (unsettled === undefined) return;
    if (correction === undefined) {
      this.#queue.push(unsettled, attempt.seq);
      return;
    }
    const row = correctRow(unsettled, correction);
    this.#amended.add(row);
    this.#commits.push(recordTypes.amend, ++this.#seq, encodeClose(row));
    this.#commits.writeLate();
    this.#queue.push(row, attempt.seq);
  }

  releaseAll(): void {
    this.#unsettled.forEach((attempt) => this.release(attempt));
  }

  get pending(): number {
    return this.#queue.length;
  }

  get unsettled(): number {
    return this.#unsettled.size;
  }

  hasRoom(records: number): boolean {
    return (
      this.#commits.failure === undefined &&
      this.#commits.unsyncedBytes <= maxWindowBytes &&
      this.#queue.length + this.#unsettled.size + records <= this.#capacityRows &&
      this.#queue.changeChars <= maxChangeChars &&
      this.#segments.neededBytes + records * recordBytes <= this.#capacityBytes
    );
  }

  peek(limit: number): JournalBatch {
    const batch = this.#queue.peek(limit);
    return batch.count === 0 ? batch : { ...batch, checkpoint: { journal: this.#name, seq: this.#seqCoveredWith(batch.count) } };
  }

  acknowledge(count: number): void {
    if (count === 0) return;
    const seq = this.#seqCoveredWith(count);
    this.#queue.drop(count);
    this.#moveUnsettledOn();
    this.#segments.cover(seq);
    this.#expire();
    if (this.#alarmed) this.#watchFill();
  }

  /** Up to where the database has all rows and changes once it has the oldest `count` of the queue. */
  #seqCoveredWith(count: number): number {
    const lowest = Math.min(this.#queue.lowestSeqAfter(count), this.#unsettled.lowestSeq);
    return lowest === Infinity ? this.#rowSeq : lowest - 1;
  }

  #moveUnsettledOn(): void {
    const seq = this.#seq;
    this.#unsettled.moveOn(this.#segments.sealedSeq, this.#commits.syncedSeq, (row) => {
      this.#commits.push(recordTypes.close, ++this.#seq, encodeClose(row));
      return this.#seq;
    });
    if (this.#seq > seq) this.#commits.writeLate();
  }

  inspect(): void {
    this.#commits.inspect();
  }

  get finalCheckpoint(): JournalCheckpoint | undefined {
    return this.#rows === 0 ? undefined : { journal: this.#name, seq: finishedSeq };
  }

  facts(): JournalFacts {
    return { problem: this.#problem(), segments: this.#segments.count, sizeBytes: this.#segments.sizeBytes };
  }

  async close(finished: boolean): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelOpen?.();
    await this.#commits.close();
    await this.#segments.close(finished && this.#rows === 0);
    this.#lock.release();
    const { disk, directory } = this.#options;
    removeFiles(disk, [lockPath(directory, this.#name)]);
    removeEmptyDirectory(disk, directory);
  }

  /** A process that finds the lock free assumes that this process is dead. */
  #findLostLock(): string | undefined {
    const { disk, directory } = this.#options;
    const path = lockPath(directory, this.#name);
    return disk.identify(path)?.id === this.#lockId ? undefined : path;
  }

  /**
   * Files of the journal were removed or changed from outside: makes the directory and the lock again, and pushes the records that the database
   * lacks.
   */
  #makeUp(lost: string): void {
    const { disk, directory, lock, clock } = this.#options;
    this.#lostMs = clock.monotonic();
    const fields = { file: lost, queued: this.#queue.length, open: this.openAttempts.size };
    this.#logger.error(
      fields,
      "a file of the journal was removed, replaced or cut short; the records that the database lacks are written to a new one",
    );
    disk.makeDirectory(directory);
    if (this.#findLostLock() !== undefined) {
      const path = lockPath(directory, this.#name);
      const taken = lock(path);
      if (taken === undefined) throw new Error(`another process holds ${path}`);
      this.#lock.release();
      this.#lock = taken;
      this.#lockId = disk.identify(path)?.id;
    }
    this.openAttempts.forEach(({ record, seq }) => this.#commits.push(recordTypes.open, seq, encodeOpen(record)));
    this.#queue.forEach((item, seq) => {
      if ("change" in item) this.#commits.push(recordTypes.keep, seq, encodeKeep(item.change));
      else this.#commits.push(recordTypes.close, seq, encodeClose(item));
      if ("status" in item && this.#amended.has(item)) this.#commits.push(recordTypes.amend, ++this.#seq, encodeClose(item));
    });
    this.#unsettled.forEach(({ seq }, row) => this.#commits.push(recordTypes.close, seq, encodeClose(row)));
  }

  #pushOpen(attempt: ActiveAttempt, seq: number): void {
    attempt.seq = seq;
    this.#commits.push(recordTypes.open, seq, encodeOpen(attempt.record));
  }

  /**
   * Removes segments that have been kept long enough, not earlier, even if the disk is full: the database's last transactions may not have reached
   * the disk yet, and these rows would be lost.
   */
  #expire(): void {
    for (let segment = this.#segments.expired; segment !== undefined; segment = this.#segments.expired) {
      const { lastSeq } = segment;
      this.openAttempts.forEach((attempt) => {
        if (attempt.seq > lastSeq) return;
        this.#pushOpen(attempt, ++this.#seq);
        this.#reopenedSeq = this.#seq;
      });
      // Not before the attempts that were opened again are safe.
      if (Math.max(lastSeq, this.#reopenedSeq) > this.#commits.syncedSeq) return;
      this.#segments.removeExpired();
    }
  }

  /** The used share of the capacity, from 0 to 1 and beyond. */
  #fill(): number {
    return Math.max(
      this.#segments.neededBytes / this.#capacityBytes,
      this.#queue.length / this.#capacityRows,
      this.#queue.changeChars / maxChangeChars,
    );
  }

  #problem(): string | undefined {
    const { failure } = this.#commits;
    if (failure !== undefined) return `the journal cannot be written: ${failure}`;
    const fill = this.#fill();
    if (this.#options.clock.monotonic() - this.#lostMs < lostNoticeMs)
      return "files of the journal were removed or changed from outside; the records that the database lacked were written to new ones";
    if (fill < alarmShare) return undefined;
    return `the journal is ${Math.floor(fill * 100)} % full: the database does not take the entries as fast as they come`;
  }

  #watchFill(): void {
    const fill = this.#fill();
    // The two thresholds differ, so that the log does not alternate.
    if (fill >= alarmShare === this.#alarmed || (this.#alarmed && fill > alarmShare - 0.1)) return;
    this.#alarmed = !this.#alarmed;
    const fields = { percent: Math.floor(fill * 100), queued: this.#queue.length };
    if (this.#alarmed)
      this.#logger.error(fields, "the journal is nearly full: the database does not take the entries as fast as they come");
    else this.#logger.info(fields, "the journal has room again");
  }
}
