import { GatewayError, messageOf, type Logger } from "../../core/index.ts";
import type { RecordType } from "./journal-codec.ts";
import type { Segments } from "./journal-segments.ts";
import { JournalWindow } from "./journal-window.ts";
import type { Schedule } from "../schedule.ts";

export interface JournalCommitsOptions {
  readonly segments: Segments;
  /** Each record is synced before anybody goes on (`power`), and not only soon after. */
  readonly syncsEach: boolean;
  readonly logger: Logger;
  readonly schedule: Schedule;
  /** Calls back once this turn of the event loop is over. */
  readonly afterTurn: (callback: () => void) => void;
  /** From a write to the start of its sync, where not each is synced. */
  readonly syncMs: number;
  /** Pause between tries while the disk takes nothing. */
  readonly retryMs: number;
  /** A segment was begun. */
  readonly onSegment: () => void;
  /** A file that the journal needs and that somebody else has removed, replaced or cut short. */
  readonly findLost: () => string | undefined;
  /** Files of the journal are lost: makes their place again, and pushes all that the database lacks. @throws the system's error. */
  readonly onLost: (path: string) => void;
}

interface Group {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Brings records to the disk, many at a time. A write or a sync that fails is not tried again on the same file, of which nothing is known any more: all that was
 * not synced goes into a new segment, and where that fails too, those who wait are told, and it is tried again now and then.
 */
export class JournalCommits {
  readonly #options: JournalCommitsOptions;
  readonly #window = new JournalWindow();
  #pushedSeq = 0;
  #writtenSeq = 0;
  #syncedSeq = 0;
  #failure: string | undefined;
  /** A lost file that has not been made up for. */
  #lost: string | undefined;
  #closed = false;
  /** Those who wait for the end of this turn. */
  #turn: Group | undefined;
  /** Those who wait for the next sync. */
  #group: Group | undefined;
  #commit: Promise<void> | undefined;
  #cancelSync: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(options: JournalCommitsOptions) {
    this.#options = options;
  }

  /** Why the disk takes nothing at present. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Records up to this one survive the loss of power. */
  get syncedSeq(): number {
    return this.#syncedSeq;
  }

  /** What is in memory because it has not been synced. */
  get unsyncedBytes(): number {
    return this.#window.end;
  }

  /** A record, to be written with what comes next; `seq` counts up. */
  push(type: RecordType, seq: number, payload: string): void {
    this.#window.push(type, seq, payload);
    if (seq > this.#pushedSeq) this.#pushedSeq = seq;
  }

  /** Looks whether the files are still there; if not, what the database lacks is written to new ones. */
  inspect(): void {
    if (this.#closed || this.#failure !== undefined || this.#lost !== undefined || !this.#isLost()) return;
    this.#work(() => this.#run());
  }

  /** Writes and syncs what is left, and begins nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelSync?.();
    this.#cancelRetry?.();
    await this.#commit;
    if (this.#window.end > 0) await this.#run();
  }

  /**
   * Takes part in one write for all that end in this turn of the event loop. It is not only cheaper than a write each: their answers then leave one right
   * after the other, and a client that sleeps is woken once for all of them.
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

  /** Takes part in the next sync. */
  afterSync(): Promise<void> {
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
      // Its folder is gone: all that the database lacks is about to be written elsewhere.
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

  /** Writes all that has not been synced to a new segment. @throws the system's error. */
  #writeAgain(): void {
    this.#options.segments.abandon();
    this.#window.markUnwritten();
    this.#put();
  }

  #isLost(): boolean {
    this.#lost ??= this.#options.findLost();
    return this.#lost !== undefined;
  }

  /** Writes all that the database lacks to a new segment, because files of the journal are lost. @throws the system's error. */
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

  /** Writes what waits. @throws the system's error where neither the segment nor a new one takes it. */
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

  /** For records that nobody waits for. */
  writeLate(): void {
    if (this.#options.syncsEach) {
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
