import { setImmediate } from "node:timers/promises";
import { createPeriodic, messageOf, type Clock, type Every, type Logger, type PeriodicTask } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { appendEntries, gatewayEntry, readLast, type NewEntry } from "./append.ts";
import type { ChainedEntry, Checkpoint } from "./entry.ts";
import { noteRetention, sealUsage } from "./seal-usage.ts";
import { readLastCheckpoint, signTrail } from "./sign-trail.ts";
import type { AuditKey } from "./signing.ts";
import type { WaitingEntries, WaitingEntry } from "./waiting-file.ts";

export interface AuditLog {
  /** Adds an entry. It is written in the background; while the database is away, it waits in memory. */
  add(entry: NewEntry): void;
  /** Begins to take usage entries into the trail and to sign it. Only one process of a database does this, or each of several, in turn. */
  start(): void;
  /** Writes what waits. @throws what the database throws. */
  flush(): Promise<void>;
  /** Takes usage entries into the trail, and signs it if it is time; timers do this, too. @throws what the database throws. */
  seal(): Promise<void>;
  /** Writes what waits; never rejects. */
  close(): Promise<void>;
}

export interface AuditLogOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly key: AuditKey;
  readonly hasUsage: boolean;
  /** Takes each checkpoint when it is in the database. */
  readonly publish: (checkpoint: Checkpoint) => void;
  /** Takes each entry when it is in the database. */
  readonly onEntry?: ((entry: ChainedEntry) => void) | undefined;
  /** Keeps entries that wait for the database beyond the end of the process; they are in memory alone if omitted. */
  readonly waiting?: WaitingEntries;
  readonly every?: Every;
}

/** More entries that wait for the database are not kept; their number is an entry of its own. */
const maxQueue = 10_000;
const writeEveryMs = 1000;
/** A file that is not written for long is taken for that of a process that has ended. */
const keepEveryMs = 60_000;
const sealEveryMs = 10_000;
const signEveryMs = 60_000;
const signEveryEntries = 10_000;
/** Batches of usage entries in one run: each is a transaction of a few milliseconds. */
const maxBatches = 200;

export function createAuditLog(options: AuditLogOptions): AuditLog {
  return new ChainedLog(options);
}

class ChainedLog implements AuditLog {
  readonly #options: AuditLogOptions;
  readonly #writer: PeriodicTask;
  readonly #sealer: PeriodicTask;
  #queue: WaitingEntry[] = [];
  /** Entries at the beginning of the queue that are kept beyond the end of the process. */
  #kept = 0;
  #lost = 0;
  #keptMs = -Infinity;
  #isReported = false;
  #signedMs: number;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#signedMs = options.clock.monotonic();
    const { every } = options;
    const shared = { onError: (error: unknown) => this.#report(error), ...(every === undefined ? {} : { every }) };
    this.#writer = createPeriodic({ everyMs: writeEveryMs, run: () => this.#write(), ...shared });
    this.#sealer = createPeriodic({ everyMs: sealEveryMs, run: () => this.#seal(), ...shared });
    this.#takeLeft();
    this.#writer.start();
  }

  add(entry: NewEntry): void {
    if (this.#queue.length >= maxQueue) this.#lost += 1;
    else this.#queue.push({ timeMs: this.#options.clock.now(), ...entry });
  }

  start(): void {
    this.#sealer.start();
  }

  async flush(): Promise<void> {
    await this.#writer.runNow();
    // A run that was under way has not seen what came meanwhile.
    if (this.#queue.length > 0) await this.#writer.runNow();
  }

  seal(): Promise<void> {
    return this.#sealer.runNow();
  }

  async close(): Promise<void> {
    await this.#writer.stop();
    await this.#sealer.stop();
    try {
      await this.#write();
    } catch (error) {
      this.#report(error);
    }
  }

  async #write(): Promise<void> {
    if (this.#queue.length === 0) return;
    const { store, clock, onEntry } = this.#options;
    const entries = this.#queue;
    const lost = this.#lost;
    const all = lost === 0 ? entries : [...entries, lostEntry(lost, clock.now())];
    const chained = await store.db
      .transaction()
      .execute((transaction) => appendEntries(store, transaction, all))
      .catch((error: unknown) => {
        if (this.#queue.length > this.#kept || clock.monotonic() - this.#keptMs >= keepEveryMs) this.#keep();
        throw error;
      });
    // Others may have come while it was written.
    this.#queue = this.#queue.slice(entries.length);
    if (this.#kept > 0) this.#keep();
    this.#lost -= lost;
    this.#isReported = false;
    if (onEntry !== undefined) for (const entry of chained) onEntry(entry);
  }

  /** Entries of processes that have ended before the database was there again. */
  #takeLeft(): void {
    try {
      this.#queue = [...(this.#options.waiting?.take() ?? [])];
      this.#kept = this.#queue.length;
    } catch (error) {
      this.#options.logger.error({ error: messageOf(error) }, "entries of the audit trail that earlier processes have left cannot be read");
    }
  }

  #keep(): void {
    const { waiting, logger } = this.#options;
    if (waiting === undefined) return;
    try {
      waiting.save(this.#queue);
      this.#kept = this.#queue.length;
      this.#keptMs = this.#options.clock.monotonic();
    } catch (error) {
      logger.warn({ error: messageOf(error) }, "entries of the audit trail that wait for the database are in memory alone");
    }
  }

  /** Takes usage entries into the trail, and signs it when it is time. */
  async #seal(): Promise<void> {
    const { store, clock, hasUsage } = this.#options;
    await noteRetention(store, clock.now());
    for (let batch = 0; batch < (hasUsage ? maxBatches : 0); batch++) {
      const isFull = await sealUsage(store, clock.now());
      if (!isFull) break;
      // Requests are served between two batches.
      await setImmediate();
    }
    const nowMs = clock.monotonic();
    if (nowMs - this.#signedMs >= signEveryMs || (await this.#unsigned()) >= signEveryEntries) {
      await this.#sign();
      this.#signedMs = nowMs;
    }
  }

  async #unsigned(): Promise<number> {
    const { db } = this.#options.store;
    const [last, signed] = [await readLast(db), await readLastCheckpoint(db)];
    return last.seq - (signed?.seq ?? 0);
  }

  async #sign(): Promise<void> {
    const { store, clock, key, publish } = this.#options;
    const checkpoint = await store.db.transaction().execute((transaction) => signTrail(transaction, key, clock.now()));
    if (checkpoint !== undefined) publish(checkpoint);
  }

  /** Once, until it works again. */
  #report(error: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#options.logger.warn(
      { error: messageOf(error), waiting: this.#queue.length },
      "the audit trail could not be written; its entries wait in memory, and it is tried again",
    );
  }
}

function lostEntry(count: number, timeMs: number): NewEntry & { readonly timeMs: number } {
  return { ...gatewayEntry("audit.lost", { count }), outcome: "lost", timeMs };
}
