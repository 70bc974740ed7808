import type { Clock, Logger } from "../core/index.ts";
import type { Usage } from "../ir/index.ts";
import { BatchWriter } from "./batch-writer.ts";
import { createMemoryJournal, type Durability, type Journal } from "./journal.ts";
import type { PriceCatalogue } from "./price-catalogue.ts";
import { reckonCost, type Rates } from "./rates.ts";
import { systemSchedule, type Schedule } from "./schedule.ts";
import type { LedgerSink } from "./sink.ts";
import type { CloseRecord, CostNanoUsd, Ledger, OpenRecord } from "./types.ts";
import { clampUsage, interruptedRecord, rowOf, type Charge } from "./usage-row.ts";

export interface LedgerOptions {
  readonly sink: LedgerSink;
  /** Read anew for each entry, so that a reload swaps it whole. */
  readonly prices: () => PriceCatalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `createMemoryJournal()` where left out. */
  readonly journal?: Journal;
  readonly schedule?: Schedule;
  /** How long rows wait for company before they are written; 20. */
  readonly flushMs?: number;
  /** Rows in one write, and as many are written without waiting; 1,000. */
  readonly batchRows?: number;
  /** Wait after the first failed write, 100, doubled with each up to `retryMaxMs`, 5,000. */
  readonly retryFirstMs?: number;
  readonly retryMaxMs?: number;
  /** How long `flush` and `stop` wait for the database; 10,000. */
  readonly flushTimeoutMs?: number;
}

export interface LedgerStatus {
  readonly durability: Durability;
  /** Rows that are not in the database yet. */
  readonly queued: number;
  /** Rows that this process has written. */
  readonly written: number;
  /** Attempts that are under way. */
  readonly open: number;
  readonly healthy: boolean;
  /** Refused requests that left no row, because there was no room or the ledger had been stopped. */
  readonly refusedUnrecorded: number;
  /** Why the database takes nothing at present. */
  readonly lastError: string | undefined;
  /** When a batch was last written, milliseconds since 1970. */
  readonly lastFlushMs: number | undefined;
}

/** The ledger of a process. One row for each attempt, written in batches off the request path; see `Journal` for what a crash leaves of them. */
export interface LedgerService extends Ledger {
  /** Whether a request may be admitted: there is room for its row and for those of all that are under way. Else the answer is 503 `ledger_unavailable`. */
  healthy(): boolean;
  /** Writes all that is over. @throws GatewayError `ledger_unavailable` where the database does not take it in time; nothing is lost by that. */
  flush(): Promise<void>;
  /**
   * Ends the ledger: attempts that are still open become `interrupted`, and everything is written. Drain the requests first: what comes later
   * leaves no row. (Not `close`: that is the verb for an attempt.)
   * @throws GatewayError `ledger_unavailable` where the database does not take it in time: what the message counts is lost.
   */
  stop(): Promise<void>;
  status(): LedgerStatus;
}

export function createLedger(options: LedgerOptions): LedgerService {
  return new LedgerOfProcess(options);
}

const noCharge: Charge = { costNanoUsd: 0n, snapshot: null };
const unknownCharge: Charge = { costNanoUsd: undefined, snapshot: null };

class LedgerOfProcess implements LedgerService {
  readonly #prices: () => PriceCatalogue;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #journal: Journal;
  readonly #writer: BatchWriter;
  readonly #flushTimeoutMs: number;
  /** Attempts under way. */
  readonly #open = new Map<string, OpenRecord>();
  #refusedUnrecorded = 0;
  #hadRoom = true;
  #stopped = false;

  constructor(options: LedgerOptions) {
    this.#prices = options.prices;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#journal = options.journal ?? createMemoryJournal();
    this.#flushTimeoutMs = options.flushTimeoutMs ?? 10_000;
    this.#writer = new BatchWriter({
      journal: this.#journal,
      sink: options.sink,
      clock: options.clock,
      logger: options.logger,
      schedule: options.schedule ?? systemSchedule,
      flushMs: options.flushMs ?? 20,
      batchRows: options.batchRows ?? 1000,
      retryFirstMs: options.retryFirstMs ?? 100,
      retryMaxMs: options.retryMaxMs ?? 5000,
    });
  }

  open(record: OpenRecord): void {
    if (this.#stopped) return;
    this.#open.set(keyOf(record), record);
    // Not waited for: a journal that cannot take it says so again at the CLOSE.
    this.#journal.append({ type: "open", record })?.catch(() => undefined);
  }

  close(record: CloseRecord): Promise<void> | undefined {
    const opened = this.#open.delete(keyOf(record));
    if (record.attempt > 0 && !opened) {
      // Its row is there already: closed before, or interrupted by `stop`. The database would drop a second one.
      this.#logger.warn({ request_id: record.requestId, attempt: record.attempt }, "an attempt was closed that was not open");
      return undefined;
    }
    if (record.attempt === 0 && (this.#stopped || !this.#hasRoom())) {
      // An answered attempt must be kept, whatever the room; a refusal that costs nothing must not be a way to fill the memory.
      this.#refusedUnrecorded += 1;
      return undefined;
    }
    return this.#record(record);
  }

  cost(provider: string, model: string, usage: Usage, timeMs: number, askedModel?: string): CostNanoUsd {
    const rates = this.#rates(provider, model, usage, timeMs, askedModel);
    return rates && reckonCost(rates, clampUsage(usage));
  }

  healthy(): boolean {
    const room = this.#hasRoom();
    if (room !== this.#hadRoom) {
      this.#hadRoom = room;
      const fields = { queued: this.#journal.pending, open: this.#open.size };
      if (room) this.#logger.info(fields, "the ledger has room again; requests are admitted");
      else this.#logger.error(fields, "the ledger is full; no request is admitted");
    }
    return room && !this.#stopped;
  }

  flush(): Promise<void> {
    return this.#writer.flush(this.#flushTimeoutMs);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    const now = this.#clock.now();
    const left = [...this.#open.values()];
    this.#open.clear();
    for (const record of left) void this.#record(interruptedRecord(record, now, "shutting_down"));
    try {
      await this.#writer.flush(this.#flushTimeoutMs);
    } finally {
      this.#writer.stop();
      if (this.#journal.pending > 0)
        this.#logger.error({ lost: this.#journal.pending }, "usage entries were lost: the database did not take them");
    }
  }

  status(): LedgerStatus {
    return {
      durability: this.#journal.durability,
      queued: this.#journal.pending,
      written: this.#writer.written,
      open: this.#open.size,
      healthy: this.healthy(),
      refusedUnrecorded: this.#refusedUnrecorded,
      lastError: this.#writer.lastError,
      lastFlushMs: this.#writer.lastFlushMs,
    };
  }

  #hasRoom(): boolean {
    return this.#journal.hasRoom(this.#open.size + 1);
  }

  #record(record: CloseRecord): Promise<void> | undefined {
    const usage = clampUsage(record.usage);
    const durable = this.#journal.append({ type: "close", row: rowOf(record, usage, this.#charge(record, usage)) });
    this.#writer.poke();
    return durable;
  }

  /**
   * Who pays when it breaks: nobody for what was refused, nor for an error before any content; else what was reported or estimated, at its price.
   */
  #charge(record: CloseRecord, usage: Usage): Charge {
    if (record.status === "refused" || (record.status === "error" && record.ttftMs === undefined)) return noCharge;
    const rates = this.#rates(record.provider, record.modelServed, usage, record.timeMs, record.upstreamModel);
    const costNanoUsd = rates && reckonCost(rates, usage);
    return costNanoUsd === undefined ? unknownCharge : { costNanoUsd, snapshot: rates!.snapshot };
  }

  #rates(provider: string, model: string, usage: Usage, timeMs: number, askedModel: string | undefined): Rates | undefined {
    const prices = this.#prices();
    const inputTokens = usage.input ?? 0;
    const rates = prices.rates(provider, model, timeMs, inputTokens);
    if (rates !== undefined || askedModel === undefined || askedModel === model) return rates;
    return prices.rates(provider, askedModel, timeMs, inputTokens);
  }
}

function keyOf(record: OpenRecord): string {
  // The first attempt is the common one: no new string for it.
  return record.attempt === 1 ? record.requestId : `${record.requestId}#${record.attempt}`;
}
