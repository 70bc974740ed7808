import { fork, type ChildProcess } from "node:child_process";
import type { Server, Socket } from "node:net";
import { everyByTimer, messageOf, type Clock, type Logger } from "../../core/index.ts";
import { answerLimits, LimitBook } from "../../limits/index.ts";
import { receiveBatches, type LedgerSink } from "../../ledger/index.ts";
import { addSnapshots, countersOf, createAcceptor, emptySnapshot, type MetricsSnapshot } from "../../server/index.ts";
import type { Drain } from "../compose/compose-gateway.ts";
import { createHandOut, type Taker } from "./hand-out.ts";
import { workerProgram } from "../self.ts";
import { explainListenError } from "./listen-error.ts";
import { environmentForChild, nodeOptionsForChild } from "./node-options.ts";
import type { ToPrimary, ToWorker, WorkerTask } from "./worker-messages.ts";

export interface WorkerPoolOptions {
  readonly count: number;
  /** What a worker that starts now is to do. */
  readonly task: () => WorkerTask;
  readonly host: string;
  readonly port: number;
  /** Gets listening sockets from another process once the workers serve, with `share`; this process listens itself if omitted. @returns the port. */
  readonly takeSockets?: ((share: (socket: Server) => Promise<number>) => Promise<number>) | undefined;
  /** The primary alone writes to the database. */
  readonly sink: LedgerSink;
  /** Brings into the database what a dead worker has left in its journal. */
  readonly replay: () => Promise<void>;
  readonly reload: () => Promise<unknown>;
  /** The counts of this process, of whose only the counters are added to those of the workers: it does what one process does for all. */
  readonly own?: () => MetricsSnapshot;
  /** What a worker has learned of targets; the other workers have it already. */
  readonly onTargetNews: (news: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The first pause before a worker that died is started again; doubled each time it dies soon. */
  readonly backoffMs?: number;
  /** A worker that does not serve in this time after its start is ended; 20 seconds by default. */
  readonly startMs?: number;
}

/** Workers that serve one port between them, and come back when they die. */
export interface WorkerPool {
  /** The port they serve. */
  readonly port: number;
  broadcast(message: ToWorker): void;
  /** Counts of all workers. */
  metrics(): Promise<MetricsSnapshot>;
  /** The sockets that are listened on, to send them to another process. */
  readonly sockets: readonly Server[];
  /** Drains all workers and waits until they have ended. */
  close(drain: Drain): Promise<void>;
  /** Shortens the grace of a `close` under way. */
  hurry(graceMs: number): void;
}

const maxBackoffMs = 30_000;
/** A worker that has lived for this time has recovered: its next death counts as its first. */
const recoveredMs = 60_000;
/** A worker that does not report its counts within this time is missing in the answer. */
const countTimeoutMs = 1000;
/** Workers report their counts at least this often, so that little is missing of one that is killed. */
const countEveryMs = 5000;

/** A connection that no worker takes in this time is closed. */
const maxWaitMs = 10_000;
const maxWaiting = 1024;
/** After its drain a worker gets this long to write what it has. */
const writeMs = 15_000;
/** At the end, connections that no worker takes within this time are closed. */
const maxLeftMs = 2000;
/** A worker that has said why it fails gets this long to end by itself. */
const failedMs = 2000;

interface Member {
  readonly slot: number;
  readonly bornMs: number;
  readonly taker: Taker<Socket>;
  /** Ends it if it does not serve in time. */
  deadline: NodeJS.Timeout;
  last: MetricsSnapshot | undefined;
}

/**
 * Listens, and starts the workers; resolves when all of them serve. This process accepts the connections and hands them out.
 * @throws Error with the first worker's reason if one cannot serve, or with what to do if the port cannot be listened on.
 */
// A factory: its functions share the workers and their state.
// oxlint-disable-next-line max-lines-per-function
export async function startWorkerPool(options: WorkerPoolOptions): Promise<WorkerPool> {
  const { count, clock, logger, takeSockets, backoffMs = 200, startMs = 20_000 } = options;
  const receiver = receiveBatches(options.sink);
  const book = new LimitBook(clock);
  const members = new Map<ChildProcess, Member>();
  const deaths = Array.from({ length: count }, () => 0);
  /** Counters never go back: what a worker had counted when it died stays in the sum. */
  let dead = emptySnapshot;
  let closing = false;
  let lastId = 0;
  const counting = new Map<number, (snapshot: MetricsSnapshot) => void>();
  let onFirst: ((error: Error | undefined) => void) | undefined;
  let waitingFor = count;
  let ending: NodeJS.Timeout | undefined;

  const drop = (socket: Socket): void => {
    socket.destroy();
  };
  const handOut = createHandOut<Socket>({ maxWaitMs, maxWaiting, now: () => clock.monotonic(), drop, release: drop });
  const acceptor = createAcceptor((socket) => {
    handOut.offer(socket);
  }, logger);
  const stopSweep = everyByTimer(1000, () => {
    handOut.sweep();
  });
  const stopCounting = everyByTimer(countEveryMs, () => {
    void total();
  });

  function startWorker(slot: number): void {
    const worker = fork(workerProgram(), [], { execArgv: nodeOptionsForChild(process.execArgv), env: environmentForChild(process.env) });
    // Not as an argument, which other users of this machine could read.
    worker.send(options.task(), () => {});
    const deadline = setTimeout(() => {
      logger.error({ worker: worker.pid, after_ms: startMs }, "a worker does not serve in time, and is ended");
      onFirst?.(new Error(`A worker does not serve within ${startMs / 1000} s after its start. Look at the log.`));
      worker.kill("SIGKILL");
    }, startMs);
    // Kept open here until the worker has confirmed it: if the worker dies before, another one takes it.
    const give = (socket: Socket): void =>
      void worker.send({ type: "connection" } satisfies ToWorker, socket, { keepOpen: true }, () => {});
    const member: Member = { slot, bornMs: clock.monotonic(), taker: { give }, deadline, last: undefined };
    members.set(worker, member);
    worker.on("message", (message: ToPrimary) => {
      onMessage(worker, member, message);
    });
    worker.on("error", (error) => {
      logger.error({ worker: worker.pid, error: error.message }, "a worker's channel failed");
    });
    // After its last message has been read, which `exit` may come before. `disconnect` does not come while it holds an unread connection.
    worker.on("close", () => {
      handOut.remove(member.taker);
    });
    worker.on("exit", (code, signal) => {
      clearTimeout(member.deadline);
      onExit(worker, code, signal);
    });
  }

  function onMessage(worker: ChildProcess, member: Member, message: ToPrimary): void {
    if (typeof message === "string") {
      receiver.receive(message, (reply) => {
        send(worker, reply);
      });
      return;
    }
    switch (message.type) {
      case "limits": {
        const reply = answerLimits(book, String(worker.pid), message.question);
        if (reply !== undefined) send(worker, { type: "limits", reply });
        return;
      }
      case "targets":
        for (const other of members.keys()) if (other !== worker) send(other, message);
        options.onTargetNews(message.news);
        return;
      case "taken":
        handOut.confirm(member.taker);
        return;
      case "serving":
        clearTimeout(member.deadline);
        handOut.add(member.taker);
        waitingFor -= 1;
        if (waitingFor <= 0) onFirst?.(undefined);
        return;
      case "failed":
        if (onFirst === undefined) logger.error({ error: message.message }, "a worker did not start");
        else onFirst(new Error(message.message));
        clearTimeout(member.deadline);
        member.deadline = setTimeout(() => worker.kill("SIGKILL"), failedMs);
        return;
      case "counted":
        member.last = message.snapshot;
        counting.get(message.id)?.(message.snapshot);
        return;
      case "ended":
        member.last = message.snapshot;
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

  function onExit(worker: ChildProcess, code: number | null, signal: string | null): void {
    const member = members.get(worker);
    members.delete(worker);
    book.remove(String(worker.pid));
    if (member === undefined) return;
    if (member.last !== undefined) dead = addSnapshots([dead, countersOf(member.last)]);
    if (closing || onFirst !== undefined) {
      onFirst?.(new Error(`A worker ended before it served (exit ${code ?? signal}).`));
      return;
    }
    const { slot } = member;
    deaths[slot] = clock.monotonic() - member.bornMs > recoveredMs ? 0 : deaths[slot]! + 1;
    const pauseMs = restartPauseMs(backoffMs, deaths[slot]);
    logger.error({ worker: worker.pid, exit: code, signal, restart_in_ms: pauseMs }, "a worker died; the others go on");
    replay();
    setTimeout(() => {
      if (!closing) startWorker(slot);
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
            done(member.last ?? emptySnapshot);
          }, countTimeoutMs);
          counting.set(id, done);
          send(worker, { type: "count", id });
        }),
    );
    return addSnapshots([dead, countersOf(options.own?.() ?? emptySnapshot), ...(await Promise.all(answers))]);
  }

  function broadcast(message: ToWorker): void {
    for (const worker of members.keys()) send(worker, message);
  }

  function killAll(): void {
    for (const worker of members.keys()) worker.kill("SIGKILL");
  }

  function stopAccepting(): void {
    acceptor.close();
    stopSweep();
    stopCounting();
    handOut.close();
  }

  let port = 0;
  try {
    if (takeSockets === undefined) {
      // Before the workers: those who connect meanwhile wait for them.
      port = await acceptor.listen(options.host, options.port).catch((error: unknown) => {
        throw explainListenError(error, options.host, options.port);
      });
    }
    await new Promise<void>((resolve, reject) => {
      onFirst = (error) => {
        onFirst = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      for (let slot = 0; slot < count; slot++) startWorker(slot);
    });
    if (takeSockets !== undefined) port = await takeSockets((socket) => acceptor.share([socket]));
  } catch (error) {
    closing = true;
    stopAccepting();
    killAll();
    throw error;
  }

  return {
    port,
    metrics: total,
    broadcast,
    get sockets() {
      return acceptor.sockets;
    },
    hurry(graceMs) {
      broadcast({ type: "stop", graceMs });
      clearTimeout(ending);
      ending = setTimeout(killAll, graceMs + writeMs);
    },
    async close(drain) {
      closing = true;
      acceptor.close();
      // Those who wait are served, too.
      const late = setTimeout(stopAccepting, maxLeftMs);
      await handOut.whenEmpty();
      clearTimeout(late);
      stopAccepting();
      const ended = [...members.keys()].map((worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve())));
      broadcast({ type: "stop", ...drain });
      // A worker that does not end by itself is ended.
      ending ??= setTimeout(killAll, drain.graceMs + writeMs);
      await Promise.all(ended);
      clearTimeout(ending);
    },
  };
}

function send(worker: ChildProcess, message: ToWorker): void {
  // A worker that is going away has closed its channel; its exit says the rest.
  if (worker.connected) worker.send(message, () => {});
}

/** @param deaths how often a worker of this place has died soon after its start; 0: it had lived for a while. */
export function restartPauseMs(firstMs: number, deaths: number): number {
  return Math.min(maxBackoffMs, firstMs * 2 ** Math.max(0, deaths - 1));
}
