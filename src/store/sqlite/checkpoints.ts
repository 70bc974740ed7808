import type { DatabaseSync } from "node:sqlite";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { threadProgram } from "../../core/index.ts";

/** What `Checkpoints` uses of a thread. */
export interface CheckpointThread {
  /** Asks for a checkpoint; the thread answers with a message. */
  checkpoint(): void;
  /** Resolves when the thread has closed its connection and is over. */
  close(): Promise<void>;
}

/** The calls of a thread to its owner. */
export interface CheckpointOwner {
  /** The thread is ready for the next checkpoint: it has opened its connection, or a checkpoint is over. */
  onIdle(): void;
  /** The thread has ended without `close`. */
  onLost(): void;
}

export interface CheckpointsOptions {
  readonly path: string;
  readonly native: DatabaseSync;
  /** `startCheckpointThread`. */
  readonly startThread?: (path: string, owner: CheckpointOwner) => CheckpointThread;
  /** The rows that a process inserts before its thread begins; 5,000. Few rows are not worth a thread. */
  readonly startRows?: number;
  /** Pause between two checkpoints; 500. */
  readonly intervalMs?: number;
}

/** SQLite's default, in pages: the connection that commits makes a checkpoint when the log is longer. */
const ownCheckpointPages = 1000;

/**
 * Copies the write-ahead log into the database file twice a second while rows are inserted, changed or deleted, in a thread with a connection of its own.
 * Otherwise the commit that makes the log longer than 1,000 pages does it, and requests wait for the disk meanwhile. If the thread cannot be used, it is as
 * without it.
 */
export class Checkpoints implements CheckpointOwner {
  readonly #options: CheckpointsOptions;
  readonly #startRows: number;
  #rows = 0;
  #thread: CheckpointThread | undefined;
  #isBusy = false;
  #isWritten = false;
  #timer: NodeJS.Timeout | undefined;
  #isOver: boolean;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#startRows = options.startRows ?? 5000;
    this.#isOver = options.path === ":memory:";
  }

  /** Rows have been inserted, perhaps in a transaction that is still open. */
  inserted(rows: number): void {
    if (this.#isOver) return;
    this.#rows += rows;
    this.#isWritten = true;
    if (this.#thread !== undefined) {
      this.#plan();
    } else if (this.#rows >= this.#startRows) {
      this.#isBusy = true;
      this.#thread = (this.#options.startThread ?? startCheckpointThread)(this.#options.path, this);
    }
  }

  /** Other rows have been changed or deleted, as retention does. They alone do not begin the thread. */
  written(): void {
    if (this.#isOver || this.#thread === undefined) return;
    this.#isWritten = true;
    this.#plan();
  }

  onIdle(): void {
    this.#isBusy = false;
    if (this.#isOver) return;
    this.#setOwnCheckpoints(0);
    if (this.#isWritten) this.#plan();
  }

  onLost(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
    this.#thread = undefined;
    this.#setOwnCheckpoints(ownCheckpointPages);
  }

  /** Ends the thread. The connection that is closed last makes a checkpoint, so this must be the serving one. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isOver = true;
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.close();
  }

  #plan(): void {
    if (this.#isBusy || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#isBusy = true;
      this.#isWritten = false;
      this.#thread?.checkpoint();
    }, this.#options.intervalMs ?? 500);
    this.#timer.unref();
  }

  #setOwnCheckpoints(pages: number): void {
    const { native } = this.#options;
    if (native.isOpen) native.exec(`pragma wal_autocheckpoint = ${pages}`);
  }
}

/** How long `close` waits for a checkpoint that is under way. */
const closeMs = 5000;

/** @param path the database file. */
export function startCheckpointThread(path: string, owner: CheckpointOwner): CheckpointThread {
  let isClosing = false;
  const { program, eval: isText } = threadProgram("checkpoint-thread", import.meta.url);
  const worker = new Worker(program, {
    eval: isText,
    workerData: path,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  // A process ends without waiting for the thread.
  worker.unref();
  worker.on("message", () => owner.onIdle());
  // Every error ends the thread.
  worker.on("error", () => undefined);
  worker.on("exit", () => {
    if (!isClosing) owner.onLost();
  });
  return {
    checkpoint: () => worker.postMessage("checkpoint"),
    async close() {
      isClosing = true;
      if (worker.threadId < 0) return;
      worker.ref();
      const ended = once(worker, "exit");
      worker.postMessage("close");
      const late = setTimeout(() => void worker.terminate(), closeMs);
      await ended;
      clearTimeout(late);
    },
  };
}
