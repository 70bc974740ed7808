import { GatewayError, messageOf, type Logger, type Schedule } from "../../core/index.ts";
import type { RecordType } from "./journal-codec.ts";
import type { Segments } from "./journal-segments.ts";
import { JournalWindow } from "./journal-window.ts";

export interface JournalCommitsOptions {
  readonly segments: Segments;
  /** Whether each record is synced before its caller continues (`power`), or shortly after. */
  readonly syncsEach: boolean;
  readonly logger: Logger;
  readonly schedule: Schedule;
  /** Calls back after this turn of the event loop. */
  readonly afterTurn: (callback: () => void) => void;
  /** The delay from a write to the start of its sync, if not each record is synced. */
  readonly syncMs: number;
  /** Pause between tries while the disk fails. */
  readonly retryMs: number;
  /** Called when a segment begins. */
  readonly onSegment: () => void;
  /** The path of a file that the journal needs and that was removed, replaced or truncated from outside. */
  readonly findLost: () => string | undefined;
  /**
   * Called when files of the journal are lost: makes their directory again, and pushes all records that the database lacks. @throws the system's
   * error.
   */
  readonly onLost: (path: string) => void;
}

interface Group {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Writes records to the disk, many at a time. After a failed write or sync the content of the file is unknown, so the same file is not tried again:
 * everything that was not synced goes into a new segment. If that fails too, the callers get the error, and it is tried again at intervals.
 */
export class JournalCommits {
  readonly #options: JournalCommitsOptions;
  readonly #window = new JournalWindow();
  #pushedSeq = 0;
  #writtenSeq = 0;
  #syncedSeq = 0;
  #failure: string | undefined;
  /** A lost file that has not been replaced yet. */
  #lost: string | undefined;
  #closed = false;
  /** The callers that wait for the end of this turn. */
  #turn: Group | undefined;
  /** The callers that wait for the next sync. */
  #group: Group | undefined;
  #commit: Promise<void> | undefined;
  #cancelSync: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: JournalCommitsOptions) {
    this.#options = options;
  }

  /** Why the disk fails at present. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Records up to this one survive a power loss. */
  get syncedSeq(): number {
    return this.#syncedSeq;
  }

  /** Bytes in memory that have not been synced. */
  get unsyncedBytes(): number {
    return this.#window.end;
  }

  /** Adds a record, to be written with the next ones; `seq` increases. */
  push(type: RecordType, seq: number, payload: string): void {
    this.#window.push(type, seq, payload);
    if (seq > this.#pushedSeq) this.#pushedSeq = seq;
  }

  /** Checks whether the files still exist. If not, the records that the database lacks are written to new ones. */
  inspect(): void {
    if (this.#closed || this.#failure !== undefined || this.#lost !== undefined || !this.#isLost()) return;
    this.#work(() => this.#run());
  }

  /** Writes and syncs the rest, and starts nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelSync?.();
    this.#cancelRetry?.();
    await this.#commit;
    if (this.#window.end > 0) await this.#run();
  }

  /**
   * Joins the one write of all requests that end in this turn of the event loop. This is cheaper than one write each; and the answers are then sent
   * right after one another, so that a sleeping client is woken once for all of them.
   */
  afterTurn(): Promise<void> {
    if (this.#turn !== undefined) return this.#turn.promise;
    const turn = Promise.withResolvers<void>();
    turn.promise.catch(() => undefined);
    this.#turn = turn;
    this.#options.afterTurn(() => {
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

  /** Joins the next sync. */
  afterSync(): Promise<void> {
    this.#group ??= Promise.withResolvers<void>();
    const { promise } = this.#group;
    // A caller that needs the result gets the error; without such a caller it must not be an unhandled rejection.
    promise.catch(() => undefined);
    this.#startCommit();
    return promise;
  }

  /** One write and one sync for all waiting callers, then the same for those that have come meanwhile. */
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
      // Callers that came while a failure was handled.
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
      if (this.#lost === undefined || this.#failure !== undefined) {
        this.#write();
        await this.#sync();
      }
      if (this.#isLost()) await this.#makeUp();
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
      // The journal's directory is gone: the records that the database lacks will be written elsewhere.
      if (this.#isLost()) return;
      this.#options.logger.error(
        { error: messageOf(error) },
        "a sync of the journal failed: what it may have lost is written to a new segment",
      );
      this.#writeAgain();
      await this.#syncOnce();
    }
  }

  async #syncOnce(): Promise<void> {
    const bytes = this.#window.written;
    const seq = this.#writtenSeq;
    await this.#options.segments.sync();
    this.#window.drop(bytes);
    this.#syncedSeq = seq;
  }

  /** Writes all records that were not synced to a new segment. @throws the system's error. */
  #writeAgain(): void {
    this.#options.segments.abandon();
    this.#window.markUnwritten();
    this.#put();
  }

  #isLost(): boolean {
    this.#lost ??= this.#options.findLost();
    return this.#lost !== undefined;
  }

  /** Writes all records that the database lacks to a new segment, because files of the journal are lost. @throws the system's error. */
  async #makeUp(): Promise<void> {
    const { segments, onLost, onSegment } = this.#options;
    segments.abandonLost();
    this.#window.clear();
    onLost(this.#lost!);
    segments.begin(this.#pushedSeq);
    onSegment();
    this.#put();
    await this.#syncOnce();
    this.#lost = undefined;
  }

  /** Writes the waiting records. @throws the system's error if neither the segment nor a new one can be written. */
  #write(): void {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    if (this.#window.unwrittenBytes === 0) return;
    try {
      this.#put();
    } catch (error) {
      this.#options.logger.error({ error: messageOf(error) }, "a write to the journal failed: it goes on in a new segment");
      this.#options.segments.seal();
      try {
        this.#put();
      } catch (second) {
        this.#fail(second);
        throw second;
      }
    }
  }

  #put(): void {
    if (!this.#options.segments.fits(this.#window.unwrittenBytes)) {
      this.#options.segments.begin();
      this.#options.onSegment();
    }
    this.#options.segments.write(this.#window.unwritten(), this.#pushedSeq);
    this.#window.markWritten();
    this.#writtenSeq = this.#pushedSeq;
  }

  /** For records that no caller waits for. */
  writeLate(): void {
    if (this.#options.syncsEach) {
      this.#startCommit();
      return;
    }
    try {
      this.#write();
      this.#planSync();
    } catch {
      // The failure has been reported, and the write is tried again.
    }
  }

  #planSync(): void {
    if (this.#closed || this.#commit !== undefined) return;
    this.#cancelSync ??= this.#options.schedule(this.#options.syncMs, () => {
      this.#cancelSync = undefined;
      this.#startCommit();
    });
  }

  #fail(error: unknown): void {
    if (this.#failure === undefined) {
      this.#failure = messageOf(error);
      this.#options.logger.error({ error: this.#failure }, "the journal cannot be written; no request is admitted until it can");
    }
    this.#options.segments.seal();
    if (this.#closed) return;
    this.#cancelRetry ??= this.#options.schedule(this.#options.retryMs, () => {
      this.#cancelRetry = undefined;
      this.#work(() => this.#retry());
    });
  }

  /** Never rejects. */
  async #retry(): Promise<void> {
    const failure = this.#failure;
    try {
      if (this.#isLost()) {
        await this.#makeUp();
      } else {
        this.#writeAgain();
        await this.#syncOnce();
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#failure = undefined;
    this.#options.logger.info({ error: failure }, "the journal is written again; requests are admitted");
  }

  #unavailable(error: unknown): GatewayError {
    return new GatewayError("ledger_unavailable", `The usage of this request could not be recorded: ${messageOf(error)}`, { cause: error });
  }
}
