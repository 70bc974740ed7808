import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { GatewayError, messageOf, systemClock } from "../../core/index.ts";
import { checkHost, createEdge, createRouteTable, adminRoutes, localPrincipal, type Edge, type SystemDeps } from "../../server/index.ts";
import { takeFileLock, type FileLock } from "../../store/index.ts";
import { composeGateway, type Gateway } from "../compose/compose-gateway.ts";
import { loadSettings, watchSettings, type LoadedSettings } from "../config/index.ts";
import { openLog, type Log } from "../logging/log.ts";
import { startLogRolling } from "../logging/roll.ts";
import { describeDatabase } from "../compose/open-store.ts";
import { runtimePaths, type RuntimePaths } from "../paths.ts";
import type { Surroundings } from "../compose/surroundings.ts";
import { explainListenError } from "./listen-error.ts";
import { openOwnFiles } from "./own-files.ts";
import { readDaemonStatus } from "./start-background.ts";
import type { WorkerStart, WorkerTask } from "./worker-messages.ts";
import { startWorkerPool, type WorkerPool } from "./worker-pool.ts";

/** The time that active answers get to end. */
const drainMs = 30_000;

export interface RunningDaemon {
  readonly loaded: LoadedSettings;
  readonly gateway: Gateway;
  readonly port: number;
  readonly paths: RuntimePaths;
  /** `undefined`: stderr. */
  readonly logFile: string | undefined;
  /** Ends in order. Called again, it waits for the same end. */
  stop(): Promise<void>;
  /** Re-reads the configuration, as a signal asks for it: what is wrong goes to the log, and the old one stays. */
  reload(): void;
  /** How many requests are being answered, in all processes. */
  countRequests(): Promise<number>;
  readonly stopped: Promise<void>;
}

/**
 * Runs the gateway in this process: lock, log, database, port, control socket, pid file; then watches the configuration.
 * @throws Error with what to do: another daemon runs, the port is taken, …
 */
// One sequence, from the start to the end of a process: each step needs what the ones before have opened.
// oxlint-disable-next-line max-lines-per-function
export async function runDaemon(start: WorkerStart): Promise<RunningDaemon> {
  const load = (): LoadedSettings =>
    loadSettings({ ...(start.config === undefined ? {} : { path: start.config }), overrides: start.overrides });
  const loaded = load();
  const paths = runtimePaths(loaded.settings.database.path);
  const lock = await takeDaemonLock(paths);
  const log = openLog({ level: loaded.settings.gateway.logging.level, file: loaded.settings.gateway.logging.file ?? paths.log });
  for (const warning of loaded.warnings) log.logger.warn({}, warning);
  const clock = systemClock;
  const startedMs = clock.monotonic();
  let port = 0;
  let releaseLock = (): void => lock.release();
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
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      log.logger.info({}, "shutting down");
      for (const step of cleanup.toReversed()) await step();
      log.logger.info({}, "stopped");
      log.close();
      releaseLock();
      announceStopped();
    })();
    return stopping;
  };
  const status: SystemDeps["status"] = () => ({
    status: "running",
    pid: process.pid,
    port,
    uptime_seconds: Math.round((clock.monotonic() - startedMs) / 1000),
    ...(Object.keys(start.overrides).length === 0 ? {} : { overrides: start.overrides }),
    ...(configurationProblem === undefined ? {} : { reload_failed: configurationProblem }),
  });
  const reportFault = (error: unknown): void => {
    log.logger.error({ error: messageOf(error) }, "the changed configuration is not valid; the old one stays");
  };
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
    const gateway = await composeGateway({
      loaded,
      processes: count === 1 ? 1 : 0,
      ...(count === 1 ? {} : { collectMetrics: async (own) => (await pool?.metrics()) ?? own() }),
      log,
      clock,
      configurationFailed: () => configurationProblem !== undefined,
      status,
      reload,
      stop: () => {
        // The answer to the one who asked goes out first.
        setImmediate(() => void stop());
      },
    });
    cleanup.push(() => gateway.close(drainMs));
    const { host, port: wanted } = loaded.settings.gateway;
    if (count === 1) {
      port = await listen(gateway.edge, host, wanted);
    } else {
      checkHost(host, loaded.settings.gateway.auth.enabled);
      const task = (): WorkerTask => ({
        ...start,
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
        sink: gateway.sink,
        replay: gateway.replay,
        reload,
        clock,
        logger: log.logger,
      });
      port = pool.port;
      const workers = pool;
      cleanup.push(() => workers.close(drainMs));
    }
    const surroundings: Pick<Surroundings, "watch" | "report"> = {
      watch: (look) => gateway.surroundings.watch(look),
      report(message) {
        gateway.surroundings.report(message);
        pool?.broadcast({ type: "repaired", message });
      },
    };
    const openSocket = (): Promise<Edge> => openControlSocket(gateway, log, paths);
    const files = await openOwnFiles({ paths, lock, openSocket, surroundings, logger: log.logger });
    releaseLock = () => {
      files.releaseLock();
    };
    cleanup.push(() => files.close());
    if (log.file !== undefined) {
      const rolling = startLogRolling({
        file: log.file,
        clock,
        logger: log.logger,
        onRolled: () => {
          log.reopen();
          pool?.broadcast({ type: "reopen-log" });
        },
      });
      cleanup.push(() => rolling.stop());
    }
    gateway.setServing(true);
    log.logger.info({ host, port, config: loaded.path, database: describeDatabase(loaded.settings.database) }, "serving");
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
    for (const step of cleanup.toReversed()) await step();
    log.close();
    releaseLock();
    throw error;
  }
}

/** Of two daemons on one database exactly one gets the lock; a lock of a dead one does not exist. */
async function takeDaemonLock(paths: RuntimePaths): Promise<FileLock> {
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  // Made here, because SQLite would make it with the umask's mode; its `-journal` has the file's own.
  closeSync(openSync(paths.lock, "a", 0o600));
  const lock = takeFileLock(paths.lock);
  if (lock !== undefined) return lock;
  const other = await readDaemonStatus(paths).catch(() => undefined);
  const who = other === undefined ? "" : ` (pid ${other.pid}, port ${other.port})`;
  throw new Error(
    `A gateway is running on this database already${who}. Stop it with \`tokligence-daemon stop\`, or give this one a database.path of its own.`,
  );
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

/** The admin API on a socket that only this user can open, so every caller is the operator. */
async function openControlSocket(gateway: Gateway, log: Log, paths: RuntimePaths): Promise<Edge> {
  const edge = createEdge({
    ...gateway.edgeDeps,
    routes: createRouteTable(adminRoutes(gateway.operations)),
    trusted: localPrincipal,
    logger: log.logger,
  });
  if (process.platform !== "win32") rmSync(paths.socket, { force: true });
  const previous = process.umask(0o177);
  try {
    await edge.listenPath(paths.socket);
  } finally {
    process.umask(previous);
  }
  if (process.platform !== "win32") chmodSync(paths.socket, 0o600);
  return edge;
}
