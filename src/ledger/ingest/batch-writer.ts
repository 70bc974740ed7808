import { GatewayError, messageOf, type Clock, type Logger, type Schedule } from "../../core/index.ts";
import type { Journal } from "../journal/journal.ts";
import type { LedgerSink } from "../entries/sink.ts";

export interface BatchWriterOptions {
  readonly journal: Journal;
  readonly sink: LedgerSink;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule: Schedule;
  /** Flush delay, in milliseconds: how long a row waits so that more rows can be written with it. */
  readonly flushMs: number;
  /** Most rows in one write. When `batchRows` are pending, they are written without waiting. */
  readonly batchRows: number;
  /** Wait after the first failure; it doubles with each failure, up to `retryMaxMs`. */
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
}

interface Waiter {
  /** Rows that must have been written. */
  readonly target: number;
  readonly done: () => void;
}

/**
 * Moves rows from the journal to the sink, one batch at a time, in order, never within the caller's turn. A batch that fails stays in the journal and
 * is tried again without limit.
 */
export class BatchWriter {
  readonly #options: BatchWriterOptions;
  #written = 0;
  #lastError: string | undefined;
  #lastFlushMs: number | undefined;
  #failures = 0;
  #writing = false;
  #stopped = false;
  /** The call that will write next, and whether it comes without delay. */
  #next: { readonly cancel: () => void; readonly prompt: boolean } | undefined;
  #waiters: Waiter[] = [];

  constructor(options: BatchWriterOptions) {
    this.#options = options;
  }

  get written(): number {
    return this.#written;
  }

  /** The error of the writes that fail at present. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  get lastFlushMs(): number | undefined {
    return this.#lastFlushMs;
  }

  /** Call this when the journal has a new row or change. `promptly`: write it without waiting for others. */
  poke(promptly = false): void {
    if (this.#writing || this.#failures > 0 || this.#options.journal.pending === 0) return;
    if (this.#waiters.length > 0) promptly = true;
    if (!promptly && this.#options.journal.pending < this.#options.batchRows) {
      if (this.#next === undefined) this.#plan(this.#options.flushMs);
    } else if (this.#next?.prompt !== true) {
      this.#plan(0);
    }
  }

  /**
   * Writes the pending rows at once, even during a backoff, and unsettled rows as soon as they are released.
   * @throws GatewayError `ledger_unavailable` if that does not succeed in time. The rows stay, and are tried again.
   */
  flush(timeoutMs: number): Promise<void> {
    const { journal, schedule } = this.#options;
    if (journal.pending + journal.unsettled === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const cancel = schedule(timeoutMs, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        const reason = this.#lastError === undefined ? "the database has not answered" : this.#lastError;
        reject(
          new GatewayError(
            "ledger_unavailable",
            `${journal.pending + journal.unsettled} usage entries could not be written within ${timeoutMs} ms: ${reason}.`,
          ),
        );
      });
      const waiter: Waiter = {
        target: this.#written + journal.pending + journal.unsettled,
        done: () => {
          cancel();
          resolve();
        },
      };
      this.#waiters.push(waiter);
      if (!this.#writing && journal.pending > 0) this.#start();
    });
  }

  /** No write begins after this call. */
  stop(): void {
    this.#stopped = true;
    this.#next?.cancel();
    this.#next = undefined;
  }

  #plan(delayMs: number): void {
    if (this.#stopped) return;
    this.#next?.cancel();
    const cancel = this.#options.schedule(delayMs, () => this.#start());
    this.#next = { cancel, prompt: delayMs === 0 };
  }

  #start(): void {
    this.#next?.cancel();
    this.#next = undefined;
    this.#writing = true;
    void this.#write().then((succeeded) => {
      this.#writing = false;
      this.#continue(succeeded);
    });
  }

  /** Never rejects. */
  async #write(): Promise<boolean> {
    const { journal, sink, batchRows, clock } = this.#options;
    const { rows, changes, count, checkpoint } = journal.peek(batchRows);
    try {
      await sink.write(rows, checkpoint, changes);
    } catch (error) {
      this.#fail(error);
      return false;
    }
    journal.acknowledge(count);
    this.#written += count;
    this.#lastFlushMs = clock.now();
    this.#recover();
    return true;
  }

  #continue(succeeded: boolean): void {
    const { journal, flushMs, batchRows } = this.#options;
    const due = this.#waiters.filter((waiter) => waiter.target <= this.#written);
    this.#waiters = this.#waiters.filter((waiter) => waiter.target > this.#written);
    for (const waiter of due) waiter.done();
    if (this.#stopped || journal.pending === 0) return;
    if (!succeeded) this.#plan(this.#retryDelayMs());
    else if (this.#waiters.length > 0) this.#start();
    // The event loop turns between full batches, so that a long queue does not delay requests.
    else this.#plan(journal.pending >= batchRows ? 0 : flushMs);
  }

  #retryDelayMs(): number {
    const { retryFirstMs, retryMaxMs } = this.#options;
    // A caller of `flush` is waiting, so use the shortest backoff.
    if (this.#waiters.length > 0) return retryFirstMs;
    return Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(this.#failures - 1, 30));
  }

  #fail(error: unknown): void {
    this.#failures += 1;
    this.#lastError = messageOf(error);
    if (this.#failures > 1) return;
    this.#options.logger.error(
      { error: this.#lastError, queued: this.#options.journal.pending },
      "usage entries cannot be written; they are kept and tried again",
    );
  }

  #recover(): void {
    if (this.#failures === 0) return;
    this.#options.logger.info({ failures: this.#failures, queued: this.#options.journal.pending }, "usage entries are written again");
    this.#failures = 0;
    this.#lastError = undefined;
  }
}
