import { GatewayError, messageOf, systemSchedule, type Schedule } from "../../core/index.ts";
import type { KeptChange } from "../../store/index.ts";
import type { JournalCheckpoint, LedgerSink } from "../entries/sink.ts";
import { commonColumns, commonValues, isRare, rowValues, usageColumns, type UsageRow } from "../entries/usage-row.ts";

/*
 * One process writes to the database: the primary. A worker sends it each batch as one string and waits until it says that the batch is in the
 * database. Two kinds of message, each a kind, a space and JSON:
 *
 *   ledger-batch {"id":7,"rows":[["req_…",1,1760000000000,…],…],"checkpoint":{"journal":"…","seq":14},"changes":[…]}
 *   (values in the order of `usageColumns`, or of its beginning `commonColumns`; money is a string, as JSON has no 64 bits; changes of stored responses)
 *   ledger-ack {"id":7}     ledger-ack {"id":7,"error":"database is locked"}
 *
 * A batch that is sent again, because its acknowledgement was late or lost, does no harm: the database skips rows it has.
 */
const batchKind = "ledger-batch ";
const ackKind = "ledger-ack ";

const moneyColumns: ReadonlySet<string> = new Set(["cost_nano_usd", "cache_savings_nano_usd"]);

export interface MessageSinkOptions {
  readonly schedule?: Schedule;
  /** How long to wait for an acknowledgement. */
  readonly timeoutMs?: number;
}

/** A sink that sends rows over a message channel. */
export interface MessageSink extends LedgerSink {
  /** Handles a message from the primary. @returns false if the message is not for this sink. */
  receive(message: string): boolean;
  /** The channel is closed: every pending write is rejected with this reason, and so is every later one. */
  disconnect(reason: string): void;
}

/**
 * The worker's side.
 * @param send puts a message on the channel; if it throws, the write is rejected.
 */
export function createMessageSink(send: (message: string) => void, options: MessageSinkOptions = {}): MessageSink {
  return new WorkerSink(send, options);
}

interface WaitingBatch {
  readonly settle: (error: string | undefined) => void;
}

class WorkerSink implements MessageSink {
  readonly #send: (message: string) => void;
  readonly #schedule: Schedule;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<number, WaitingBatch>();
  #lastId = 0;
  #gone: string | undefined;

  constructor(send: (message: string) => void, options: MessageSinkOptions) {
    this.#send = send;
    this.#schedule = options.schedule ?? systemSchedule;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  write(rows: readonly UsageRow[], checkpoint?: JournalCheckpoint, changes: readonly KeptChange[] = []): Promise<void> {
    const gone = this.#gone;
    if (gone !== undefined) return Promise.reject(failure(gone));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const cancel = this.#schedule(this.#timeoutMs, () => settle(`no acknowledgement came within ${this.#timeoutMs} ms`));
      const settle = (error: string | undefined): void => {
        this.#waiting.delete(id);
        cancel();
        if (error === undefined) resolve();
        else reject(failure(error));
      };
      this.#waiting.set(id, { settle });
      try {
        this.#send(encodeBatch({ id, rows: rows.map(encodeRow), checkpoint, changes }));
      } catch (error) {
        settle(messageOf(error));
      }
    });
  }

  receive(message: string): boolean {
    if (!message.startsWith(ackKind)) return false;
    const ack = JSON.parse(message.slice(ackKind.length)) as { readonly id: number; readonly error?: string };
    // The acknowledgement of a batch that timed out is late: the batch has been sent again.
    this.#waiting.get(ack.id)?.settle(ack.error);
    return true;
  }

  disconnect(reason: string): void {
    this.#gone = reason;
    for (const batch of this.#waiting.values()) batch.settle(reason);
  }
}

function failure(reason: string): GatewayError {
  return new GatewayError("ledger_unavailable", `The primary process did not accept the usage entries: ${reason}.`);
}

/** The primary's side. */
export interface BatchReceiver {
  /**
   * Handles a message from a worker and answers it through `reply` once its rows are in the database, or could not be written. Never rejects.
   * @returns false if the message is not for this receiver.
   */
  receive(message: string, reply: (message: string) => void): boolean;
}

/** @param sink usually `createStoreSink`: an acknowledgement means that its write has resolved. */
export function receiveBatches(sink: LedgerSink): BatchReceiver {
  return {
    receive(message, reply) {
      if (!message.startsWith(batchKind)) return false;
      const batch = JSON.parse(message.slice(batchKind.length)) as WireBatch;
      void writeBatch(sink, batch).then((error) => {
        try {
          reply(ackKind + JSON.stringify({ id: batch.id, error }));
        } catch {
          // The worker has exited, so no one waits for the answer.
        }
      });
      return true;
    },
  };
}

type WireValue = string | number | null;

interface WireBatch {
  readonly id: number;
  readonly rows: readonly (readonly WireValue[])[];
  readonly checkpoint?: JournalCheckpoint | undefined;
  readonly changes?: readonly KeptChange[] | undefined;
}

/** @returns what went wrong. */
async function writeBatch(sink: LedgerSink, batch: WireBatch): Promise<string | undefined> {
  try {
    await sink.write(batch.rows.map(decodeRow), batch.checkpoint, batch.changes);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function encodeBatch(batch: WireBatch): string {
  return batchKind + JSON.stringify({ ...batch, changes: batch.changes?.length === 0 ? undefined : batch.changes } satisfies WireBatch);
}

function encodeRow(row: UsageRow): readonly WireValue[] {
  return (isRare(row) ? rowValues(row) : commonValues(row)).map((value) => (typeof value === "bigint" ? value.toString() : value));
}

function decodeRow(values: readonly WireValue[]): UsageRow {
  if (values.length !== usageColumns.length && values.length !== commonColumns.length) {
    throw new Error(
      `a usage entry has ${values.length} values instead of ${usageColumns.length}: worker and primary are of different versions`,
    );
  }
  return Object.fromEntries(
    usageColumns.map((column, index) => {
      const value = values[index] ?? null;
      return [column, moneyColumns.has(column) && value !== null ? BigInt(value) : value];
    }),
  ) as unknown as UsageRow;
}
