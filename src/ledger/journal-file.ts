import { GatewayError, messageOf, type Clock, type Logger } from "../core/index.ts";
import type { FileLock } from "../store/index.ts";
import type { Disk } from "./disk.ts";
import { encodeClose, encodeOpen, recordTypes } from "./journal-codec.ts";
import { lockPath, removeEmptyDirectory, removeFiles } from "./journal-files.ts";
import { RowQueue } from "./journal-queue.ts";
import { Segments } from "./journal-segments.ts";
import { JournalWindow } from "./journal-window.ts";
import { finishedSeq, type Journal, type JournalBatch, type JournalFacts, type JournalRecord } from "./journal.ts";
import { systemSchedule, type Schedule } from "./schedule.ts";
import type { JournalCheckpoint } from "./sink.ts";
import { attemptKey, type OpenRecord } from "./types.ts";

export interface FileJournalOptions {
  readonly disk: Disk;
  /** Made where it is missing. */
  readonly directory: string;
  /** Used by no other journal, ever (`createJournalName`). */
  readonly name: string;
  readonly durability: "power" | "process";
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes the lock that a file stands for, so that whoever replays journals leaves this one alone: `takeFileLock`. */
  readonly lock: (path: string) => FileLock | undefined;
  readonly schedule?: Schedule;
  /** Calls back once this turn of the event loop is over: `setImmediate`. */
  readonly afterTurn?: (callback: () => void) => void;
  /** 16 MiB. */
  readonly segmentBytes?: number;
  /** Records that the database does not have may take so much; 2 GiB. At 80 % it is told, at 100 % no request is admitted. */
  readonly capacityBytes?: number;
  /** Rows that the database does not have, which are in memory as well; 500,000. */
  readonly capacityRows?: number;
  /** At `process`: from a write to the start of its sync; 40. */
  readonly syncMs?: number;
  /** How long a segment stays after its rows are in the database; 24 hours. */
  readonly keepMs?: number;
  /** An OPEN waits so long for a CLOSE to be written with; 5. */
  readonly openMs?: number;
  /** Pause between tries while the disk takes nothing; 1,000. */
  readonly retryMs?: number;
}

const alarmShare = 0.8;
/** What waits for a sync, in memory. More means a disk that does not answer. */
const maxWindowBytes = 64 * 1024 * 1024;
/** What a record is reckoned with before it is there. */
const recordBytes = 1024;
const standardKeepMs = 24 * 3_600_000;

/**
 * A journal on disk; see `Durability` for what it promises. One process writes it, in segments. A segment whose rows the database has is kept for `keepMs`, or as long as
 * a quarter of the capacity has room for it; attempts that were opened in it and are still under way are opened again further on. A write or a sync that fails is not tried again on the same file, of which nothing is known any more: all that was
 * not synced goes into a new segment, and where that fails too, `append` rejects and `hasRoom` says no until a later try succeeds.
 * @throws the system's error where the directory cannot be used.
 */
export function createFileJournal(options: FileJournalOptions): Journal {
  return new FileJournal(options);
}

interface Group {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class FileJournal implements Journal {
  readonly durability: "power" | "process";
  readonly #name: string;
  readonly #options: FileJournalOptions;
  readonly #logger: Logger;
  readonly #schedule: Schedule;
  readonly #afterTurn: (callback: () => void) => void;
  readonly #lock: FileLock;
  readonly #segments: Segments;
  readonly #capacityBytes: number;
  readonly #capacityRows: number;
  readonly #queue = new RowQueue();
  readonly #window = new JournalWindow();
  /** Attempts under way, oldest OPEN first. */
  readonly #open = new Map<string, { readonly record: OpenRecord; readonly seq: number }>();
  #seq = 0;
  #writtenSeq = 0;
  #syncedSeq = 0;
  #reopenedSeq = 0;
  #rows = 0;
  #failure: string | undefined;
  #alarmed = false;
  #closed = false;
  /** Those who wait for the end of this turn, at `process`. */
  #turn: Group | undefined;
  /** Those who wait for the next sync, at `power`. */
  #group: Group | undefined;
  #commit: Promise<void> | undefined;
  #cancelOpen: (() => void) | undefined;
  #cancelSync: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: FileJournalOptions) {
    const { disk, directory, name, durability, segmentBytes = 16 * 1024 * 1024 } = options;
    this.durability = durability;
    this.#name = name;
    this.#options = options;
    this.#logger = options.logger;
    this.#schedule = options.schedule ?? systemSchedule;
    this.#afterTurn = options.afterTurn ?? setImmediate;
    this.#capacityBytes = options.capacityBytes ?? 2 * 1024 ** 3;
    this.#capacityRows = options.capacityRows ?? 500_000;
    disk.makeDirectory(directory);
    const lock = options.lock(lockPath(directory, name));
    if (lock === undefined) throw new Error(`The journal ${name} in ${directory} is written by another process.`);
    this.#lock = lock;
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
      this.#pushOpen(record.record, seq);
      this.#cancelOpen ??= this.#schedule(this.#options.openMs ?? 5, () => {
        this.#cancelOpen = undefined;
        this.#writeLate();
      });
      return undefined;
    }
    this.#window.push(recordTypes.close, seq, encodeClose(record.row));
    this.#queue.push(record.row, seq);
    this.#open.delete(attemptKey(record.row.request_id, record.row.attempt));
    this.#rows += 1;
    return this.durability === "power" ? this.#wait() : this.#waitForTurn();
  }

  get pending(): number {
    return this.#queue.length;
  }

  hasRoom(records: number): boolean {
    return (
      this.#failure === undefined &&
      this.#window.end <= maxWindowBytes &&
      this.#queue.length + records <= this.#capacityRows &&
      this.#segments.neededBytes + records * recordBytes <= this.#capacityBytes
    );
  }

  peek(limit: number): JournalBatch {
    const rows = this.#queue.peek(limit);
    return rows.length === 0 ? { rows } : { rows, checkpoint: { journal: this.#name, seq: this.#queue.seqAt(rows.length - 1) } };
  }

  acknowledge(count: number): void {
    if (count === 0) return;
    const seq = this.#queue.seqAt(count - 1);
    this.#queue.drop(count);
    this.#segments.cover(seq);
    this.#expire();
    if (this.#alarmed) this.#watchFill();
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
    for (const cancel of [this.#cancelOpen, this.#cancelSync, this.#cancelRetry]) cancel?.();
    await this.#commit;
    if (this.#window.end > 0) await this.#run();
    await this.#segments.close(finished && this.#rows === 0);
    this.#lock.release();
    const { disk, directory } = this.#options;
    removeFiles(disk, [lockPath(directory, this.#name)]);
    removeEmptyDirectory(disk, directory);
  }

  /**
   * Takes part in one write for all that end in this turn of the event loop. It is not only cheaper than a write each: their answers then leave one right
   * after the other, and a client that sleeps is woken once for all of them.
   */
  #waitForTurn(): Promise<void> {
    if (this.#turn !== undefined) return this.#turn.promise;
    const turn = Promise.withResolvers<void>();
    turn.promise.catch(() => undefined);
    this.#turn = turn;
    this.#afterTurn(() => {
      this.#turn = undefined;
      try {
        this.#write();
      } catch (error) {
        turn.reject(this.#unavailable(error));
        return;
      }
      this.#planSync();
      turn.resolve();
    });
    return turn.promise;
  }

  /** Takes part in the next sync. */
  #wait(): Promise<void> {
    this.#group ??= Promise.withResolvers<void>();
    const { promise } = this.#group;
    // Those who care hear of a failure; it is no accident where nobody does.
    promise.catch(() => undefined);
    this.#startCommit();
    return promise;
  }

  /** One write and one sync for all that waits, then the same for those who have come meanwhile. */
  #startCommit(): void {
    if (this.#commit !== undefined) return;
    this.#work(async () => {
      do await this.#run();
      while (this.#group !== undefined);
    });
  }

  /** One at a time: a commit, or a try after a failure. It begins after this turn, whose records share it. `action` never rejects. */
  #work(action: () => Promise<void>): void {
    const work = (this.#commit ?? Promise.resolve()).then(action).then(() => {
      if (this.#commit !== work) return;
      this.#commit = undefined;
      // Who came while a failure was dealt with.
      if (this.#group !== undefined) this.#startCommit();
      else if (this.#window.end > 0 && this.#failure === undefined) this.#planSync();
    });
    this.#commit = work;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const group = this.#group;
    this.#group = undefined;
    try {
      this.#write();
      await this.#sync();
      group?.resolve();
    } catch (error) {
      this.#fail(error);
      group?.reject(this.#unavailable(error));
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#syncOnce();
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, "a sync of the journal failed: what it may have lost is written to a new segment");
      this.#writeAgain();
      await this.#syncOnce();
    }
  }

  async #syncOnce(): Promise<void> {
    const bytes = this.#window.written;
    const seq = this.#writtenSeq;
    await this.#segments.sync();
    this.#window.drop(bytes);
    this.#syncedSeq = seq;
  }

  /** Writes all that has not been synced to a new segment. @throws the system's error. */
  #writeAgain(): void {
    this.#segments.abandon();
    this.#window.markUnwritten();
    this.#put();
  }

  /** Writes what waits. @throws the system's error where neither the segment nor a new one takes it. */
  #write(): void {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    if (this.#window.unwrittenBytes === 0) return;
    try {
      this.#put();
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, "a write to the journal failed: it goes on in a new segment");
      this.#segments.seal();
      try {
        this.#put();
      } catch (second) {
        this.#fail(second);
        throw second;
      }
    }
  }

  #put(): void {
    if (!this.#segments.fits(this.#window.unwrittenBytes)) {
      this.#segments.begin();
      this.#watchFill();
    }
    this.#segments.write(this.#window.unwritten(), this.#seq);
    this.#window.markWritten();
    this.#writtenSeq = this.#seq;
  }

  #pushOpen(record: OpenRecord, seq: number): void {
    const key = attemptKey(record.requestId, record.attempt);
    // Anew at the end of the map, where it has been opened before.
    this.#open.delete(key);
    this.#open.set(key, { record, seq });
    this.#window.push(recordTypes.open, seq, encodeOpen(record));
  }

  /**
   * Removes what has been kept long enough. Not earlier where the disk is full: the database's last transactions may not be on the platter yet, and these rows
   * would then be nowhere.
   */
  #expire(): void {
    for (let segment = this.#segments.expired; segment !== undefined; segment = this.#segments.expired) {
      for (const { record, seq } of this.#open.values()) {
        if (seq > segment.lastSeq) break;
        this.#pushOpen(record, ++this.#seq);
        this.#reopenedSeq = this.#seq;
      }
      // Not before those that were opened again are safe.
      if (Math.max(segment.lastSeq, this.#reopenedSeq) > this.#syncedSeq) return;
      this.#segments.removeExpired();
    }
  }

  #writeLate(): void {
    if (this.durability === "power") {
      this.#startCommit();
      return;
    }
    try {
      this.#write();
      this.#planSync();
    } catch {
      // It has been told, and is tried again.
    }
  }

  #planSync(): void {
    if (this.#closed || this.#commit !== undefined) return;
    this.#cancelSync ??= this.#schedule(this.#options.syncMs ?? 40, () => {
      this.#cancelSync = undefined;
      this.#startCommit();
    });
  }

  #fail(error: unknown): void {
    if (this.#failure === undefined) {
      this.#failure = messageOf(error);
      this.#logger.error({ error: this.#failure }, "the journal cannot be written; no request is admitted until it can");
    }
    this.#segments.seal();
    if (this.#closed) return;
    this.#cancelRetry ??= this.#schedule(this.#options.retryMs ?? 1000, () => {
      this.#cancelRetry = undefined;
      this.#work(() => this.#retry());
    });
  }

  /** Never rejects. */
  async #retry(): Promise<void> {
    const failure = this.#failure;
    try {
      this.#writeAgain();
      await this.#syncOnce();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#failure = undefined;
    this.#logger.info({ error: failure }, "the journal is written again; requests are admitted");
  }

  #unavailable(error: unknown): GatewayError {
    return new GatewayError("ledger_unavailable", `The usage of this request could not be recorded: ${messageOf(error)}`, { cause: error });
  }

  /** How full it is, from 0 to 1 and beyond. */
  #fill(): number {
    return Math.max(this.#segments.neededBytes / this.#capacityBytes, this.#queue.length / this.#capacityRows);
  }

  #problem(): string | undefined {
    if (this.#failure !== undefined) return `the journal cannot be written: ${this.#failure}`;
    const fill = this.#fill();
    if (fill < alarmShare) return undefined;
    return `the journal is ${Math.floor(fill * 100)} % full: the database does not take the entries as fast as they come`;
  }

  #watchFill(): void {
    const fill = this.#fill();
    // Some distance between the two, so that the log does not flicker.
    if (fill >= alarmShare === this.#alarmed || (this.#alarmed && fill > alarmShare - 0.1)) return;
    this.#alarmed = !this.#alarmed;
    const fields = { percent: Math.floor(fill * 100), queued: this.#queue.length };
    if (this.#alarmed)
      this.#logger.error(fields, "the journal is nearly full: the database does not take the entries as fast as they come");
    else this.#logger.info(fields, "the journal has room again");
  }
}
