import cluster, { type Worker } from "node:cluster";
import { fileURLToPath } from "node:url";
import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import { receiveBatches, type LedgerSink } from "../../ledger/index.ts";
import { addSnapshots, type MetricsSnapshot } from "../../server/index.ts";
import { noDebugger } from "./start-background.ts";
import type { ToPrimary, ToWorker, WorkerStart } from "./worker-messages.ts";

export interface WorkerPoolOptions {
  readonly count: number;
  readonly start: WorkerStart;
  /** The primary alone writes to the database. */
  readonly sink: LedgerSink;
  /** Brings into the database what a dead worker has left in its journal. */
  readonly replay: () => Promise<void>;
  readonly reload: () => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The first pause before a worker that died is started again; doubled each time it dies soon. */
  readonly backoffMs?: number;
}

/** Workers that serve one port between them, and come back when they die. */
export interface WorkerPool {
  /** The port they serve. */
  readonly port: number;
  broadcast(message: ToWorker): void;
  /** Counts of all workers. */
  metrics(): Promise<MetricsSnapshot>;
  /** Drains all workers and waits until they have ended. */
  close(graceMs: number): Promise<void>;
}

const maxBackoffMs = 30_000;
/** A worker that has lived so long has recovered: its next death is a first one. */
const recoveredMs = 60_000;
/** A worker that does not answer a question for its counts in this time is left out of the answer. */
const countTimeoutMs = 1000;

interface Member {
  readonly slot: number;
  readonly bornMs: number;
  last: MetricsSnapshot | undefined;
}

/** Starts the workers; resolves when all of them serve. @throws Error with the first worker's reason where one cannot. */
export async function startWorkerPool(options: WorkerPoolOptions): Promise<WorkerPool> {
  const { count, clock, logger, backoffMs = 200 } = options;
  const receiver = receiveBatches(options.sink);
  const members = new Map<Worker, Member>();
  const deaths = Array.from({ length: count }, () => 0);
  /** Counters never go back: what a worker had counted when it died stays in the sum. */
  let dead: MetricsSnapshot = { series: [], refused: {}, losses: {}, gauges: {} };
  let closing = false;
  let lastId = 0;
  const counting = new Map<number, (snapshot: MetricsSnapshot) => void>();
  let port = 0;
  let onFirst: ((error: Error | undefined) => void) | undefined;
  let waitingFor = count;

  // In a clone this file is TypeScript, in a package JavaScript: so is its neighbour.
  cluster.setupPrimary({
    exec: fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./worker-start.ts" : "./worker-start.js", import.meta.url)),
    args: [JSON.stringify({ ...options.start, workers: count } satisfies WorkerStart)],
    execArgv: [...process.execArgv, noDebugger],
    silent: false,
  });
  cluster.schedulingPolicy = cluster.SCHED_RR;

  function fork(slot: number): void {
    const worker = cluster.fork();
    members.set(worker, { slot, bornMs: clock.monotonic(), last: undefined });
    worker.on("message", (message: ToPrimary) => {
      onMessage(worker, message);
    });
    worker.on("error", (error) => {
      logger.error({ worker: worker.process.pid, error: error.message }, "a worker's channel failed");
    });
    worker.on("exit", (code, signal) => {
      onExit(worker, code, signal);
    });
  }

  function onMessage(worker: Worker, message: ToPrimary): void {
    if (typeof message === "string") {
      receiver.receive(message, (reply) => {
        send(worker, reply);
      });
      return;
    }
    const member = members.get(worker);
    switch (message.type) {
      case "serving":
        port = message.port;
        waitingFor -= 1;
        if (waitingFor <= 0) onFirst?.(undefined);
        return;
      case "failed":
        if (onFirst === undefined) logger.error({ error: message.message }, "a worker did not start");
        else onFirst(new Error(message.message));
        return;
      case "counted":
        if (member !== undefined) member.last = message.snapshot;
        counting.get(message.id)?.(message.snapshot);
        return;
      case "ended":
        if (member !== undefined) member.last = message.snapshot;
        return;
      case "total-wanted":
        void total().then((snapshot) => {
          send(worker, { type: "total", id: message.id, snapshot });
        });
        return;
      case "reload-wanted":
        options.reload().then(
          () => {
            send(worker, { type: "reloaded", id: message.id });
          },
          (error: unknown) => {
            send(worker, { type: "reloaded", id: message.id, error: messageOf(error) });
          },
        );
    }
  }

  function onExit(worker: Worker, code: number | null, signal: string | null): void {
    const member = members.get(worker);
    members.delete(worker);
    if (member === undefined) return;
    if (member.last !== undefined) dead = { ...addSnapshots([dead, member.last]), gauges: {} };
    if (closing || onFirst !== undefined) {
      onFirst?.(new Error(`A worker ended before it served (exit ${code ?? signal}).`));
      return;
    }
    const { slot } = member;
    deaths[slot] = clock.monotonic() - member.bornMs > recoveredMs ? 0 : deaths[slot]! + 1;
    const pauseMs = Math.min(maxBackoffMs, backoffMs * 2 ** Math.max(0, deaths[slot] - 1));
    logger.error({ worker: worker.process.pid, exit: code, signal, restart_in_ms: pauseMs }, "a worker died; the others go on");
    replay();
    setTimeout(() => {
      if (!closing) fork(slot);
    }, pauseMs);
  }

  /** Tried until it succeeds: the database may be away for a while, and the journal can wait. */
  function replay(): void {
    options.replay().catch((error: unknown) => {
      logger.error({ error: messageOf(error) }, "the journal of a dead worker could not be brought into the database; it is tried again");
      setTimeout(() => {
        if (!closing) replay();
      }, maxBackoffMs);
    });
  }

  /** Asks all workers for their counts. */
  async function total(): Promise<MetricsSnapshot> {
    const answers = [...members].map(
      ([worker, member]) =>
        new Promise<MetricsSnapshot>((resolve) => {
          const id = ++lastId;
          const done = (snapshot: MetricsSnapshot): void => {
            counting.delete(id);
            clearTimeout(timer);
            resolve(snapshot);
          };
          const timer = setTimeout(() => {
            done(member.last ?? { series: [], refused: {}, losses: {}, gauges: {} });
          }, countTimeoutMs);
          counting.set(id, done);
          send(worker, { type: "count", id });
        }),
    );
    return addSnapshots([dead, ...(await Promise.all(answers))]);
  }

  try {
    await new Promise<void>((resolve, reject) => {
      onFirst = (error) => {
        onFirst = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      for (let slot = 0; slot < count; slot++) fork(slot);
    });
  } catch (error) {
    closing = true;
    for (const worker of members.keys()) worker.process.kill("SIGKILL");
    throw error;
  }

  return {
    port,
    metrics: total,
    broadcast(message) {
      for (const worker of members.keys()) send(worker, message);
    },
    async close(graceMs) {
      closing = true;
      const ended = [...members.keys()].map((worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve())));
      for (const worker of members.keys()) send(worker, { type: "stop", graceMs });
      // A worker that does not end by itself is ended: its drain, and some seconds to write what it has.
      const timer = setTimeout(() => {
        for (const worker of members.keys()) worker.process.kill("SIGKILL");
      }, graceMs + 15_000);
      await Promise.all(ended);
      clearTimeout(timer);
    },
  };
}

function send(worker: Worker, message: ToWorker): void {
  // A worker that is going away has closed its channel; its exit says the rest.
  if (worker.isConnected()) worker.send(message, () => {});
}
