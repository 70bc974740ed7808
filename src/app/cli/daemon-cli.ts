import type { Command } from "commander";
import { readDaemonStatus, startBackground, type DaemonStatus } from "../daemon/start-background.ts";
import { runtimePaths, type RuntimePaths } from "../paths.ts";
import { load } from "./run-program.ts";
import { print } from "./output.ts";

export interface Output {
  readonly json?: boolean;
}
export interface StartOptions extends Output {
  readonly port?: string;
  readonly host?: string;
  readonly background?: boolean;
  /** This process was started by `start --background`. */
  readonly backgroundChild?: boolean;
  /** This process was started by a gateway that is being restarted. */
  readonly takeOver?: boolean;
}

export interface DaemonCli {
  readonly program: Command;
  /** The file that `start --background` starts again. */
  readonly script: string;
  /** What `--config` names. */
  readonly config: () => string | undefined;
}

export function overridesOf({ port, host }: StartOptions): Record<string, unknown> {
  return { ...(port === undefined ? {} : { "gateway.port": port }), ...(host === undefined ? {} : { "gateway.host": host }) };
}

/** The command line of `start`. */
export function startArguments(config: string | undefined, { port, host }: StartOptions): string[] {
  return [
    ...(config === undefined ? [] : ["--config", config]),
    "start",
    ...(port === undefined ? [] : ["--port", port]),
    ...(host === undefined ? [] : ["--host", host]),
  ];
}

export async function runInBackground({ config, script }: DaemonCli, options: StartOptions): Promise<void> {
  const path = config();
  const loaded = await load(path, overridesOf(options));
  const paths = runtimePaths(loaded.settings.database.path);
  const args = [...startArguments(path, options), ...(options.json === true ? ["--json"] : [])];
  const logFile = loaded.settings.gateway.logging.file ?? paths.log;
  const started = await startBackground({ program: script, args, paths, logFile });
  if (started.outcome === "started" && started.screen !== undefined) (await import("./start-screen.ts")).printScreen(started.screen);
  else if (started.outcome === "started") print(true, started.daemon, () => "");
  else print(options.json === true, { ...started.daemon, already_running: true }, () => runningText(started.daemon, options.port));
}

/** The gateway that runs, and its files. */
export interface Found {
  readonly paths: RuntimePaths;
  readonly status: DaemonStatus | undefined;
  /** What is wrong with the configuration, if no gateway was found. */
  readonly problem: Error | undefined;
}

/** Asks the running gateway for its status. All of the configuration is read only if none is found: that loads most modules of the gateway. */
export async function findRunning(config: string | undefined): Promise<Found> {
  const { findDatabase } = await import("../config/find-database.ts");
  const database = findDatabase(config === undefined ? {} : { path: config });
  if (database !== undefined) {
    const paths = runtimePaths(database);
    const status = await readDaemonStatus(paths);
    if (status !== undefined) return { paths, status, problem: undefined };
  }
  const { paths, problem } = await locate(config);
  return { paths, status: await readDaemonStatus(paths), problem };
}

/** The paths of the daemon's files. They are found even if the configuration cannot be used, as the gateway may be running. */
export async function locate(config: string | undefined): Promise<{ readonly paths: RuntimePaths; readonly problem: Error | undefined }> {
  const { locateDatabase } = await import("../config/index.ts");
  const { path, problem } = locateDatabase(config === undefined ? {} : { path: config });
  return { paths: runtimePaths(path), problem };
}

/** Without the configuration the path is a guess: if no gateway is found there, the user must know that. */
export function warn(problem: Error | undefined): void {
  if (problem !== undefined) process.stderr.write(`tokligence-daemon: warning: ${indentLines(problem.message)}\n`);
}

/** The text of a start that found a running gateway. `port`: the one that the command names. */
function runningText(status: DaemonStatus, port: string | undefined): string {
  const text = `already ${statusText(status)}`;
  if (port === undefined || port === String(status.port)) return text;
  return `${text}\nTo serve another port: tokligence-daemon restart --port ${port}`;
}

export function statusText({ pid, port, uptime_seconds: uptime, reload_failed: problem, finishing_pid: finishing }: DaemonStatus): string {
  const before = finishing === undefined ? "" : `; the gateway before it (pid ${finishing}) finishes its answers`;
  const running = `running (pid ${pid}) on port ${port}, up ${uptime} s${before}`;
  return problem === undefined ? running : `${running}\nreload failed, the settings read before stay in use: ${indentLines(problem)}`;
}

/** Several problems of a configuration have a line each. */
function indentLines(text: string): string {
  return text.replaceAll("\n", "\n  ");
}
