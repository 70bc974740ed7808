import type { Clock, Schedule } from "../core/index.ts";
import type { Logger } from "../core/index.ts";
import type { JournalCheckpoint, LedgerSink } from "./entries/sink.ts";
import type { CloseRecord, OpenRecord } from "./types.ts";
import type { UsageRow } from "./entries/usage-row.ts";

/** Time that moves only when the test moves it. */
export class ManualTime {
  nowMs = 1_760_000_000_000;
  #calls: { readonly atMs: number; readonly callback: () => void }[] = [];

  readonly clock: Clock = { now: () => this.nowMs, monotonic: () => this.nowMs };

  readonly schedule: Schedule = (delayMs, callback) => {
    const call = { atMs: this.nowMs + delayMs, callback };
    this.#calls.push(call);
    return () => {
      this.#calls = this.#calls.filter((other) => other !== call);
    };
  };

  /** Delays of the pending calls. */
  get delays(): readonly number[] {
    return this.#calls.map((call) => call.atMs - this.nowMs).sort((a, b) => a - b);
  }

  /** Moves the time forward and makes the calls that are due, in order. After each it waits for what the call has started. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await settle();
    for (let calls = 0; ; calls++) {
      const next = this.#calls.filter((call) => call.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      if (calls > 100_000) throw new Error("calls that fall due at once, again and again");
      this.#calls = this.#calls.filter((call) => call !== next);
      this.nowMs = next.atMs;
      next.callback();
      await settle();
    }
    this.nowMs = endMs;
  }
}

/** Lets pending promises run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The result of a write: success, failure before or after the rows were inserted, or no end. */
export type WriteOutcome = "ok" | "fail" | "fail-after" | "hang";

/** A table with the database's key: a row that exists already is skipped. */
export class FakeSink implements LedgerSink {
  readonly rows = new Map<string, UsageRow>();
  readonly batches: number[] = [];
  /** The checkpoints of the successful writes. */
  readonly checkpoints: JournalCheckpoint[] = [];
  outcome: WriteOutcome = "ok";
  /** Outcomes of the next writes; then `outcome`. */
  script: WriteOutcome[] = [];

  async write(rows: readonly UsageRow[], checkpoint?: JournalCheckpoint): Promise<void> {
    this.batches.push(rows.length);
    const outcome = this.script.shift() ?? this.outcome;
    if (outcome === "fail") throw new Error("disk I/O error");
    if (outcome === "hang") return new Promise(() => undefined);
    for (const row of rows) {
      const key = `${row.request_id} ${row.attempt}`;
      if (!this.rows.has(key)) this.rows.set(key, row);
    }
    if (checkpoint !== undefined) this.checkpoints.push(checkpoint);
    if (outcome === "fail-after") throw new Error("the connection was lost after the commit");
  }
}

/** A logger that keeps level and message. */
export class KeepingLogger implements Logger {
  readonly lines: string[] = [];
  debug(_fields: object, message: string): void {
    this.lines.push(`debug ${message}`);
  }
  info(_fields: object, message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(_fields: object, message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(_fields: object, message: string): void {
    this.lines.push(`error ${message}`);
  }
}

export function openRecord(requestId: string, changes: Partial<OpenRecord> = {}): OpenRecord {
  return {
    requestId,
    attempt: 1,
    timeMs: 1_760_000_000_000,
    userId: "usr_1",
    keyId: "key_1",
    dialect: "openai-chat",
    provider: "openai",
    modelAsked: "gpt-5",
    upstreamModel: "gpt-5",
    ...changes,
  };
}

export function closeRecord(requestId: string, changes: Partial<CloseRecord> = {}): CloseRecord {
  return {
    ...openRecord(requestId),
    status: "ok",
    durationMs: 1200,
    ttftMs: 300,
    modelServed: "gpt-5-2025-08-07",
    usage: { input: 1000, output: 100 },
    usageSource: "reported",
    httpStatus: 200,
    ...changes,
  };
}
