import { availableParallelism } from "node:os";
import { GatewayError, messageOf, systemClock, type Clock } from "../../core/index.ts";
import { checkHost, type Edge, type SystemDeps } from "../../server/index.ts";
import type { FileLock } from "../../store/index.ts";
import { composeGateway, type Drain, type Gateway } from "../compose/compose-gateway.ts";
import { loadSettings, watchSettings, type LoadedSettings, type Settings } from "../config/index.ts";
import { openLog, type Log } from "../logging/log.ts";
import { startLogRolling, type LogRolling } from "../logging/roll.ts";
import { describeDatabase, needsMigration } from "../compose/open-store.ts";
import { runtimePaths, type RuntimePaths } from "../paths.ts";
import type { Surroundings } from "../compose/surroundings.ts";
import { openControlSocket } from "./control-socket.ts";
import { takeDaemonLock } from "./daemon-lock.ts";
import { explainListenError } from "./listen-error.ts";
import { openOwnFiles } from "./own-files.ts";
import { connectPredecessor, type Predecessor } from "./predecessor.ts";
import { prepare } from "./prepare.ts";
import { createReplacement } from "./replacement.ts";
import { findServiceManager, notifySystemd } from "./service-manager.ts";
import { succeed } from "./succeed.ts";
import type { WorkerStart, WorkerTask } from "./worker-messages.ts";
import { startWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** Active answers get 30 seconds to end; a client that is about to send a request on an open connection, a quarter of a second. */
const atStop: Drain = { graceMs: 30_000, lingerMs: 250 };
/** Another gateway serves already: nobody waits for this one. */
const atReplacement: Drain = { graceMs: 600_000, lingerMs: 1000, isReplaced: true };
/** As it was when the process began. */
const { ppid } = process;

export interface RunningDaemon {
  readonly loaded: LoadedSettings;
  readonly gateway: Gateway;
  readonly port: number;
  readonly paths: RuntimePaths;
  /** `undefined`: stderr. */
  readonly logFile: string | undefined;
  /** Ends in order. Called again, it waits for the same end; if another gateway has taken its place, active answers have only the usual time from then on. */
  stop(): Promise<void>;
  /** Re-reads the configuration, as a signal asks for it: what is wrong goes to the log, and the old one stays. */
  reload(): void;
  /** How many requests are being answered, in all processes. */
  countRequests(): Promise<number>;
  readonly stopped: Promise<void>;
}

export interface DaemonStart extends WorkerStart {
  /** This process was started by a gateway, whose place it takes. */
  readonly takeOver?: boolean;
}

/**
 * Runs the gateway in this process: lock, log, database, port, control socket, pid file; then watches the configuration.
 * @throws Error with what to do: another daemon runs, the port is taken, …
 */
// One sequence, from the start to the end of a process: each step needs what the ones before have opened.
// oxlint-disable-next-line max-lines-per-function
export async function runDaemon(start: DaemonStart): Promise<RunningDaemon> {
  const predecessor = start.takeOver === true ? await connectPredecessor() : undefined;
  const load = (): LoadedSettings =>
    loadSettings({ ...(start.config === undefined ? {} : { path: start.config }), overrides: start.overrides });
  const loaded = load();
  const paths = runtimePaths(loaded.settings.database.path);
  if (predecessor !== undefined) await checkSuccession(predecessor, loaded.settings);
  const lock = predecessor === undefined ? await takeDaemonLock(paths) : undefined;
  const log = openLog({ level: loaded.settings.gateway.logging.level, file: loaded.settings.gateway.logging.file ?? paths.log });
  for (const warning of loaded.warnings) log.logger.warn({}, warning);
  const clock = systemClock;
  const startedMs = clock.monotonic();
  let port = 0;
  let releaseLock = (): void => lock?.release();
  /** Of the control socket, the pid file, and the log's rolling. */
  let closeFiles = (): Promise<void> => Promise.resolve();
  /** Ends when this process has taken the place of its predecessor, if it has one. */
  let succeeded: Promise<void> = Promise.resolve();
  let drain = atStop;
  const ending = new AbortController();
  const manager =
    predecessor?.address.manager ?? findServiceManager({ pid: process.pid, ppid, env: process.env, platform: process.platform });
  let servedElsewhereMs: number | undefined;
  const cleanup: (() => Promise<void> | void)[] = [];
  let stopping: Promise<void> | undefined;
  let pool: WorkerPool | undefined;
  /** What the settings in use were read from. */
  let text = loaded.text ?? "";
  /** Why the configuration file as it is now is not used. */
  let configurationProblem: string | undefined;
  let announceStopped: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    announceStopped = resolve;
  });
  const end = async (): Promise<void> => {
    await succeeded;
    // Commands reach the gateway here until the next one can take them.
    if (drain.isReplaced !== true) await closeFiles();
    for (const step of cleanup.toReversed()) await step();
    if (drain.isReplaced === true) await closeFiles();
    log.logger.info({}, "stopped");
    log.close();
    releaseLock();
    replacement.release();
    announceStopped();
  };
  const stop = (): Promise<void> => {
    if (stopping === undefined) log.logger.info({}, "shutting down");
    else if (drain.isReplaced === true) hurry(atStop.graceMs);
    ending.abort();
    stopping ??= end();
    return stopping;
  };
  const status: SystemDeps["status"] = () => {
    const { successor } = replacement;
    return {
      status: "running",
      pid: successor?.pid ?? process.pid,
      port,
      uptime_seconds: Math.round((clock.monotonic() - (servedElsewhereMs ?? startedMs)) / 1000),
      ...(successor === undefined ? {} : { finishing_pid: process.pid }),
      ...(Object.keys(start.overrides).length === 0 ? {} : { overrides: start.overrides }),
      ...(configurationProblem === undefined ? {} : { reload_failed: configurationProblem }),
    };
  };
  const replacement = createReplacement({
    manager: () => manager,
    address: () => ({ host: loaded.settings.gateway.host, port: loaded.settings.gateway.port, servedPort: port }),
    sockets: () => pool?.sockets ?? gateway.edge.sockets,
    sink: () => gateway.sink,
    onStart: () => gateway.role.share(),
    onServing() {
      servedElsewhereMs = clock.monotonic();
      drain = atReplacement;
      setImmediate(() => void stop());
    },
    logger: log.logger,
  });
  const hurry = (graceMs: number): void => {
    pool?.hurry(graceMs);
    gateway.hurry(graceMs);
  };
  const reportFault = (error: unknown): void => {
    log.logger.error({ error: messageOf(error) }, "the changed configuration is not valid; the old one stays");
  };
  let gateway: Gateway;
  try {
    const watch = watchSettings({
      path: loaded.path,
      load,
      onChange: (next) => {
        gateway.apply(next);
        text = next.text ?? "";
        pool?.broadcast({ type: "apply", text });
        log.logger.info({ file: next.path }, "configuration reloaded");
      },
      onError: reportFault,
      onProblem: (problem) => {
        configurationProblem = problem;
        pool?.broadcast({ type: "configuration-failed", failed: problem !== undefined });
      },
      logger: log.logger,
    });
    cleanup.push(() => watch.close());
    const reload: SystemDeps["reload"] = () =>
      new Promise((resolve) => {
        try {
          watch.reload();
        } catch (error) {
          throw new GatewayError("invalid_request", `The configuration is not valid; the old one stays. ${messageOf(error)}`, {
            cause: error,
          });
        }
        resolve({ status: "reloaded" });
      });
    const count = workerCount(loaded.settings.gateway.workers);
    gateway = await composeGateway({
      loaded,
      processes: count === 1 ? 1 : 0,
      predecessor: predecessor?.sink,
      ...(count === 1 ? {} : { collectMetrics: async (own) => (await pool?.metrics()) ?? own() }),
      log,
      clock,
      configurationFailed: () => configurationProblem !== undefined,
      status,
      reload,
      restart: (request) => replacement.restart(request),
      stop: () => {
        // The answer to the one who asked goes out first.
        setImmediate(() => {
          replacement.successor?.stop();
          void stop();
        });
      },
    });
    cleanup.push(() => gateway.close(drain));
    if (predecessor !== undefined) await prepare(gateway);
    const { host, port: wanted } = loaded.settings.gateway;
    if (count === 1) {
      port =
        predecessor === undefined
          ? await listen(gateway.edge, host, wanted)
          : await predecessor.takeSockets((socket) => gateway.edge.share(host, [socket]));
    } else {
      checkHost(host, loaded.settings.gateway.auth.enabled);
      const task = (): WorkerTask => ({
        config: start.config,
        overrides: start.overrides,
        isPrepared: predecessor !== undefined,
        text,
        workers: count,
        configurationFailed: configurationProblem !== undefined,
        repaired: gateway.surroundings.recent(),
      });
      pool = await startWorkerPool({
        count,
        task,
        host,
        port: wanted,
        takeSockets: predecessor?.takeSockets,
        sink: gateway.sink,
        replay: gateway.replay,
        own: gateway.metrics,
        reload,
        onTargetNews: (news) => gateway.sharedStates.toMachines(news),
        clock,
        logger: log.logger,
      });
      port = pool.port;
      const workers = pool;
      gateway.sharedStates.onNews((news) => workers.broadcast({ type: "targets", news }));
      cleanup.push(() => workers.close(drain));
    }
    const openFiles = async (held: FileLock): Promise<void> => {
      const surroundings: Pick<Surroundings, "watch" | "report"> = {
        watch: (look) => gateway.surroundings.watch(look),
        report(message) {
          gateway.surroundings.report(message);
          pool?.broadcast({ type: "repaired", message });
        },
      };
      const openSocket = (): Promise<Edge> => openControlSocket(gateway, log, paths);
      const files = await openOwnFiles({ paths, lock: held, openSocket, surroundings, logger: log.logger });
      releaseLock = () => {
        files.releaseLock();
      };
      const rolling = rollLog(log, clock, () => pool?.broadcast({ type: "reopen-log" }));
      closeFiles = async () => {
        rolling?.stop();
        await files.close();
      };
    };
    if (lock !== undefined) await openFiles(lock);
    gateway.setServing(true);
    if (manager === "systemd") await tellSystemd(log);
    log.logger.info({ host, port, config: loaded.path, database: describeDatabase(loaded.settings.database) }, "serving");
    if (predecessor !== undefined) {
      predecessor.onStop(() => void stop());
      predecessor.serving();
      succeeded = succeed({ predecessor, paths, gateway, openFiles, ending: ending.signal, logger: log.logger }).catch((error: unknown) => {
        log.logger.error({ error: messageOf(error) }, "the gateway could not take the place of the one before it, and ends");
        setImmediate(() => void stop());
      });
    }
    return {
      loaded,
      gateway,
      port,
      paths,
      logFile: log.file,
      stop,
      stopped,
      reload() {
        try {
          watch.reload();
        } catch (error) {
          reportFault(error);
        }
      },
      async countRequests() {
        const { gauges } = (await pool?.metrics()) ?? gateway.metrics();
        return gauges["ledger_open_attempts"] ?? 0;
      },
    };
  } catch (error) {
    log.logger.error({ error: messageOf(error) }, "the gateway did not start");
    await closeFiles();
    for (const step of cleanup.toReversed()) await step();
    log.close();
    releaseLock();
    throw error;
  }
}

/** Serves the port in this process. */
async function listen(edge: Edge, host: string, port: number): Promise<number> {
  try {
    return await edge.listen(host, port);
  } catch (error) {
    throw explainListenError(error, host, port);
  }
}

function workerCount(setting: number | "auto"): number {
  return setting === "auto" ? availableParallelism() : setting;
}

/** @throws Error if the gateway before this one has to end before this one can start. */
async function checkSuccession({ address, decline }: Predecessor, { gateway: { host, port }, database }: Settings): Promise<void> {
  if (address.host !== host || (address.port !== port && address.servedPort !== port)) {
    throw await decline("address", `The gateway before this one serves ${address.host}, port ${address.servedPort}.`);
  }
  if (await needsMigration(database)) throw await decline("schema", "The database has to be brought up to date.");
}

/** systemd waits for this, and ends a gateway that does not report it. */
async function tellSystemd(log: Log): Promise<void> {
  try {
    await notifySystemd(process.env);
  } catch (error) {
    log.logger.error({ error: messageOf(error) }, "systemd cannot be notified that the gateway serves");
  }
}

function rollLog(log: Log, clock: Clock, onRolled: () => void): LogRolling | undefined {
  if (log.file === undefined) return undefined;
  return startLogRolling({
    file: log.file,
    clock,
    logger: log.logger,
    onRolled: () => {
      log.reopen();
      onRolled();
    },
  });
}
