import { messageOf, shuttingDown, type Clock, type Logger, systemSchedule, type Schedule } from "../core/index.ts";
import type { Usage } from "../ir/index.ts";
import { sizeOfChange, storableChange, type KeptChange } from "../store/index.ts";
import { BatchWriter } from "./ingest/batch-writer.ts";
import { createMemoryJournal, type Durability, type Journal, type JournalFacts } from "./journal/journal.ts";
import type { PriceCatalogue } from "./prices/price-catalogue.ts";
import type { LedgerSink } from "./entries/sink.ts";
import { ActiveAttempt } from "./active-attempt.ts";
import type { CloseRecord, Correction, CostNanoUsd, OpenRecord, LateFacts } from "./types.ts";
import { chargedRow, costOfUsage } from "./prices/charge.ts";
import { interruptedRecord, withLateFacts } from "./entries/usage-row.ts";

/** The part of the ledger that the request path uses. */
export interface Ledger {
  /** Records that an attempt is about to be dispatched. The caller does not wait. @returns what the other calls for this attempt need. */
  open(record: OpenRecord): ActiveAttempt;
  /**
   * Records that an attempt is over. `undefined` if the record is already as durable as the level requires; otherwise a promise to await before the
   * terminal bytes are sent. Called exactly once for each `open`.
   * @param isUnsettled the row is written to the database only after `release`, because its answer is being sent and the row may have to be corrected.
   */
  close(attempt: ActiveAttempt, record: CloseRecord, isUnsettled?: boolean): Promise<void> | undefined;
  /** Records a request that was refused before any attempt (`attempt` is 0), likewise. Without room for it, it is only counted. */
  refuse(record: CloseRecord): Promise<void> | undefined;
  /**
   * Records that the answer of an attempt that was closed with `isUnsettled` has ended: its row may now be written. A second call does nothing.
   * @param correction new values for the row, if the client did not get the answer. @param late what was found in the answer.
   */
  release(attempt: ActiveAttempt, correction?: Correction, late?: LateFacts): void;
  /**
   * The cost of this usage of this provider's model at the price of that time. Pure and fast: called before JSON answers are sent.
   * @param askedModel the model to price instead if `model`, the upstream's name, has no price. Entries are charged in the same way.
   */
  cost(provider: string, model: string, usage: Usage, timeMs: number, askedModel?: string): CostNanoUsd;
  /** Size of the model's context in tokens; `undefined` if unknown. */
  contextWindow(provider: string, model: string): number | undefined;
}

export interface LedgerOptions {
  readonly sink: LedgerSink;
  /** Called for each entry, so that a reload can replace the whole catalogue. */
  readonly prices: () => PriceCatalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `createMemoryJournal()` by default. */
  readonly journal?: Journal;
  readonly schedule?: Schedule;
  /** Flush delay, in milliseconds: how long a row waits so that more rows can be written with it; 100. */
  readonly flushMs?: number;
  /** Most rows in one write. When `batchRows` are pending, they are written without waiting; 500, which keep requests waiting for 2 ms. */
  readonly batchRows?: number;
  /** Wait after the first failed write, 100; it doubles with each failure, up to `retryMaxMs`, 5,000. */
  readonly retryFirstMs?: number;
  readonly retryMaxMs?: number;
  /** Whether other processes use the database, too. Then a stored response is written without waiting for other rows. */
  readonly sharesDatabase?: () => boolean;
  /** How long `flush` and `stop` wait for the database; 10,000. */
  readonly flushTimeoutMs?: number;
}

export interface LedgerStatus {
  readonly durability: Durability;
  /** Number of rows that are not in the database yet. */
  readonly queued: number;
  /** Number of rows that this process has written. */
  readonly written: number;
  /** Number of active attempts. */
  readonly open: number;
  readonly healthy: boolean;
  /** Number of refused requests without a row, because there was no room or the ledger had been stopped. */
  readonly refusedUnrecorded: number;
  /** Why the database cannot be written at present, or what is wrong with the journal. */
  readonly lastError: string | undefined;
  /** How long the oldest of the queued rows has waited, in milliseconds. */
  readonly lagMs: number;
  readonly journal: JournalFacts;
  /** When a batch was last written, milliseconds since 1970. */
  readonly lastFlushMs: number | undefined;
}

/** The ledger of a process. It writes one row for each attempt, in batches, off the request path. `Journal` says what a crash leaves of them. */
export interface LedgerService extends Ledger {
  /**
   * Whether a request may be admitted: there is room for its row and for those of all active attempts. Otherwise the answer is 503
   * `ledger_unavailable`.
   */
  healthy(): boolean;
  /** Writes all finished entries. @throws GatewayError `ledger_unavailable` if the database does not accept them in time; nothing is lost by that. */
  flush(): Promise<void>;
  /**
   * Ends the ledger: open attempts become `interrupted`, and everything is written. Drain the requests first: a later attempt leaves no row. (The
   * name `close` is used for attempts.)
   * @throws GatewayError `ledger_unavailable` if the database does not accept the rows in time. The message counts them: they wait in the journal for
   * the next start, or are lost if the journal is in memory.
   */
  stop(): Promise<void>;
  /**
   * Records a change of stored responses until the database has it. `undefined` if it is already as durable as the level requires; otherwise a
   * promise to await before the client gets its answer. `written` is called when the database has the change.
   */
  keep(change: KeptChange, written: () => void): Promise<void> | undefined;
  /** Checks whether the journal's files still exist. Called about once a second. */
  inspect(): void;
  status(): LedgerStatus;
}

export function createLedger(options: LedgerOptions): LedgerService {
  return new LedgerOfProcess(options);
}

class LedgerOfProcess implements LedgerService {
  readonly #prices: () => PriceCatalogue;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #journal: Journal;
  readonly #sink: LedgerSink;
  readonly #writer: BatchWriter;
  readonly #flushTimeoutMs: number;
  readonly #sharesDatabase: () => boolean;
  #refusedUnrecorded = 0;
  #hadRoom = true;
  #stopped = false;

  constructor(options: LedgerOptions) {
    this.#prices = options.prices;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#journal = options.journal ?? createMemoryJournal();
    this.#sink = options.sink;
    this.#sharesDatabase = options.sharesDatabase ?? (() => false);
    this.#flushTimeoutMs = options.flushTimeoutMs ?? 10_000;
    this.#writer = new BatchWriter({
      journal: this.#journal,
      sink: options.sink,
      clock: options.clock,
      logger: options.logger,
      schedule: options.schedule ?? systemSchedule,
      flushMs: options.flushMs ?? 100,
      batchRows: options.batchRows ?? 500,
      retryFirstMs: options.retryFirstMs ?? 100,
      retryMaxMs: options.retryMaxMs ?? 5000,
    });
  }

  open(record: OpenRecord): ActiveAttempt {
    const attempt = new ActiveAttempt(record);
    // Not awaited: if the journal cannot be written, the CLOSE fails as well.
    if (!this.#stopped) this.#journal.append({ type: "open", attempt })?.catch(() => undefined);
    return attempt;
  }

  close(attempt: ActiveAttempt, record: CloseRecord, isUnsettled = false): Promise<void> | undefined {
    if (!attempt.isOpen) {
      // Its row exists already: it was closed before, or interrupted by `stop`. The database would drop a second row.
      this.#logger.warn({ request_id: record.requestId, attempt: record.attempt }, "an attempt was closed that was not open");
      return undefined;
    }
    return this.#record(attempt, record, isUnsettled);
  }

  refuse(record: CloseRecord): Promise<void> | undefined {
    if (this.#stopped || !this.#hasRoom()) {
      // An answered attempt must be recorded even without room; refused requests cost nothing and must not be able to fill the memory.
      this.#refusedUnrecorded += 1;
      return undefined;
    }
    return this.#record(undefined, record);
  }

  release(attempt: ActiveAttempt, correction?: Correction, late?: LateFacts): void {
    if (late !== undefined && attempt.row !== undefined) attempt.row = withLateFacts(attempt.row, late);
    this.#journal.release(attempt, correction);
    this.#writer.poke();
  }

  // Called several times for each request, and by tests: five plain values, of which the last is optional, read better here than an object.
  // oxlint-disable-next-line max-params
  cost(provider: string, model: string, usage: Usage, timeMs: number, askedModel?: string): CostNanoUsd {
    return costOfUsage(this.#prices(), { provider, model, askedModel, timeMs }, usage);
  }

  contextWindow(provider: string, model: string): number | undefined {
    return this.#prices().contextWindow(provider, model);
  }

  healthy(): boolean {
    const room = this.#hasRoom();
    if (room !== this.#hadRoom) {
      this.#hadRoom = room;
      const fields = { queued: this.#journal.pending, open: this.#journal.openAttempts.size };
      if (room) this.#logger.info(fields, "the ledger accepts entries again; requests are admitted");
      else
        this.#logger.error(
          { ...fields, reason: this.#journal.facts().problem },
          "the ledger accepts no more entries; no request is admitted",
        );
    }
    return room && !this.#stopped;
  }

  flush(): Promise<void> {
    return this.#writer.flush(this.#flushTimeoutMs);
  }

  keep(change: KeptChange, written: () => void): Promise<void> | undefined {
    if (this.#stopped) return Promise.reject(shuttingDown());
    const storable = storableChange(change);
    const durable = this.#journal.append({ type: "keep", queued: { change: storable, size: sizeOfChange(change), written } });
    this.#writer.poke(this.#sharesDatabase());
    durable?.catch(() => undefined);
    return durable;
  }

  inspect(): void {
    if (!this.#stopped) this.#journal.inspect();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const now = this.#clock.now();
    this.#journal.openAttempts.forEach((attempt) => void this.#record(attempt, interruptedRecord(attempt.record, now, "shutting_down")));
    this.#journal.releaseAll();
    let finished = false;
    try {
      await this.#writer.flush(this.#flushTimeoutMs);
      finished = await this.#finish();
    } finally {
      this.#writer.stop();
      await this.#journal.close(finished);
      this.#tellLeft();
    }
  }

  /** Records that nothing of the journal has to be read again. @returns false if that failed: then the next start reads it in vain. */
  async #finish(): Promise<boolean> {
    const checkpoint = this.#journal.finalCheckpoint;
    if (checkpoint === undefined) return true;
    try {
      await this.#sink.write([], checkpoint);
      return true;
    } catch (error) {
      this.#logger.warn({ error: messageOf(error) }, "the end of the journal could not be recorded; the next start reads it again");
      return false;
    }
  }

  #tellLeft(): void {
    const { pending, durability } = this.#journal;
    if (pending === 0) return;
    if (durability === "async") this.#logger.error({ lost: pending }, "usage entries were lost: the database did not accept them");
    else this.#logger.error({ kept: pending }, "usage entries wait in the journal: the next start writes them to the database");
  }

  status(): LedgerStatus {
    const journal = this.#journal.facts();
    const [oldest] = this.#journal.peek(1).rows;
    return {
      lagMs: oldest === undefined ? 0 : Math.max(0, this.#clock.now() - oldest.time_ms - oldest.duration_ms),
      journal,
      durability: this.#journal.durability,
      queued: this.#journal.pending + this.#journal.unsettled,
      written: this.#writer.written,
      open: this.#journal.openAttempts.size,
      healthy: this.healthy(),
      refusedUnrecorded: this.#refusedUnrecorded,
      lastError: journal.problem ?? this.#writer.lastError,
      lastFlushMs: this.#writer.lastFlushMs,
    };
  }

  #hasRoom(): boolean {
    return this.#journal.hasRoom(this.#journal.openAttempts.size + 1);
  }

  #record(attempt: ActiveAttempt | undefined, record: CloseRecord, isUnsettled = false): Promise<void> | undefined {
    const row = chargedRow(this.#prices(), record);
    const durable = this.#journal.append(
      attempt === undefined ? { type: "close", row } : { type: "close", row, attempt, unsettled: isUnsettled },
    );
    if (!isUnsettled) this.#writer.poke();
    // A caller that awaits the promise gets the error; for a client that has left, no caller awaits it.
    durable?.catch(() => undefined);
    return durable;
  }
}
