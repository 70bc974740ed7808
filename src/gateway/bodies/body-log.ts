import { setImmediate } from "node:timers/promises";
import { messageOf, type Clock, type Logger, systemSchedule, type Schedule } from "../../core/index.ts";
import { type BodySettings, type EntryBodies, type EntryBody } from "../../ledger/index.ts";
import { operations, type Operation } from "../../protocols/index.ts";
import type { ClientExchange } from "../exchange.ts";
import { RedactionTooLong } from "./body-redactor.ts";
import { clipBody, spareBytes } from "./clip-body.ts";
import { BodyPreparer, type WaitingBody } from "./prepare-body.ts";
import { RecordedExchange, type Recording } from "./recorded-exchange.ts";

/** Keeps what clients ask and get, where that is switched on. It is no part of the ledger's promise: what cannot be written is dropped. */
export interface BodyLog {
  /** An exchange to be used in place of this one, which remembers what goes over it; `undefined`: nothing is kept of it. */
  record(exchange: ClientExchange, operation: Operation): RecordedExchange | undefined;
  counts(): { readonly dropped: number };
  /** Writes what is waiting. Never rejects. */
  flush(): Promise<void>;
  /** Writes what is waiting, within five seconds. */
  close(): Promise<void>;
}

export interface BodyLogDeps {
  readonly bodies: Pick<EntryBodies, "write">;
  /** Read anew for each request and each write, so that a reload changes it. */
  readonly settings: () => BodySettings;
  /** Of all providers and the gateway itself: none is ever stored. */
  readonly secrets: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule?: Schedule;
}

/** How long a body waits, so that others are written with it. */
const flushMs = 200;
/** Of one write; a database in this process is busy with it for some milliseconds. */
const batchBodies = 16;
/** At most this many bytes wait: bodies that come then are dropped. */
const maxWaitingBytes = 32 * 1024 * 1024;
const closeMs = 5000;

export function createBodyLog(deps: BodyLogDeps): BodyLog {
  const { settings, schedule = systemSchedule } = deps;
  const queue = new BodyQueue(deps);
  const take = (recording: Recording, attempt: number): void => queue.take(recording, attempt);
  return {
    record(exchange, operation) {
      const { enabled, maxSizeBytes } = settings();
      return enabled && operations[operation].isBilled ? new RecordedExchange(exchange, maxSizeBytes + spareBytes, take) : undefined;
    },
    counts: () => ({ dropped: queue.dropped }),
    flush: () => queue.flush(),
    async close() {
      let giveUp = (): void => undefined;
      const late = new Promise<void>((resolve) => {
        giveUp = schedule(closeMs, resolve);
      });
      await Promise.race([queue.flush(), late]);
      giveUp();
    },
  };
}

/** The bodies that wait for the database; one batch is written at a time. */
class BodyQueue {
  readonly #deps: BodyLogDeps;
  readonly #schedule: Schedule;
  readonly #preparer: BodyPreparer;
  #waiting: WaitingBody[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #isDropping = false;
  #writing: Promise<void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(deps: BodyLogDeps) {
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#preparer = new BodyPreparer(deps.settings, deps.secrets);
  }

  get dropped(): number {
    return this.#dropped;
  }

  take({ requestId, parts, answer, isCut }: Recording, attempt: number): void {
    const { clock, settings } = this.#deps;
    const limit = settings().maxSizeBytes + spareBytes;
    const clipped = answer === undefined ? undefined : clipBody(answer, limit);
    const body: WaitingBody = {
      requestId,
      attempt,
      timeMs: clock.now(),
      request: clipBody(latin1Of(parts), limit),
      answer: clipped === undefined ? undefined : { text: clipped.text, isCut: clipped.isCut || isCut },
    };
    const size = sizeOf(body);
    if (this.#waitingBytes + size > maxWaitingBytes) {
      this.#drop(1, "too many wait for the database");
      return;
    }
    this.#waiting.push(body);
    this.#waitingBytes += size;
    if (this.#writing === undefined) this.#plan();
  }

  /** Never rejects. */
  flush(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.length > 0) this.#plan();
    });
    return this.#writing;
  }

  #plan(): void {
    this.#cancel ??= this.#schedule(flushMs, () => void this.flush());
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, batchBodies);
      await this.#writeBatch(batch);
      // Only now: what is being written takes memory, too.
      this.#waiting = this.#waiting.slice(batch.length);
      for (const body of batch) this.#waitingBytes -= sizeOf(body);
    }
  }

  async #writeBatch(batch: readonly WaitingBody[]): Promise<void> {
    let left = batch.length;
    try {
      const ready: EntryBody[] = [];
      for (const waiting of batch) {
        const body = await this.#prepare(waiting);
        if (body === undefined) left--;
        else ready.push(body);
        // A request that comes meanwhile does not wait for all of them.
        await setImmediate();
      }
      if (ready.length === 0) return;
      await this.#deps.bodies.write(ready);
      this.#isDropping = false;
    } catch (error) {
      this.#drop(left, messageOf(error));
    }
  }

  async #prepare(waiting: WaitingBody): Promise<EntryBody | undefined> {
    try {
      return await this.#preparer.prepare(waiting);
    } catch (error) {
      if (!(error instanceof RedactionTooLong)) throw error;
      this.#drop(1, error.message);
      return undefined;
    }
  }

  #drop(count: number, reason: string): void {
    this.#dropped += count;
    // Once, until something has been written again.
    if (!this.#isDropping) this.#deps.logger.warn({ count, reason }, "bodies of requests and answers are not kept");
    this.#isDropping = true;
  }
}

function latin1Of(parts: readonly Buffer[]): string {
  return parts.length === 1 ? parts[0]!.toString("latin1") : Buffer.concat(parts).toString("latin1");
}

function sizeOf({ request, answer }: WaitingBody): number {
  return request.text.length + (answer?.text.length ?? 0);
}
