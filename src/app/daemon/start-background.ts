import { isRunning } from "../../core/index.ts";
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createControlSender, isNobodyThere, type ControlOptions } from "../control-client.ts";
import { environmentForChild, nodeOptionsForChild } from "./node-options.ts";
import type { RuntimePaths } from "../paths.ts";

export interface DaemonStatus {
  readonly status: "running";
  readonly pid: number;
  readonly port: number;
  readonly uptime_seconds: number;
  /** The process of the gateway whose place this one takes, while that one finishes its answers. */
  readonly finishing_pid?: number;
  /** Why the configuration file as it is now is not used; absent: it is. */
  readonly reload_failed?: string;
  /** What its command line says over the configuration, by setting. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** A daemon that was started just now. */
export interface StartedDaemon extends DaemonStatus {
  readonly url: string;
  /** At the very first start the one key of the user `admin`: shown once and stored nowhere. */
  readonly api_key?: string;
}

/** What a daemon says of itself, or `undefined` where none listens. */
export async function readDaemonStatus(paths: RuntimePaths): Promise<DaemonStatus | undefined> {
  try {
    return (await createControlSender(paths.socket)("GET", "/api/v1/status")) as DaemonStatus;
  } catch (error) {
    if (isNobodyThere(error)) return undefined;
    throw error;
  }
}

/** What a gateway that was started in the background says of itself. */
interface StartLine {
  readonly url: string;
  readonly api_key: string | null;
  /** Absent with `--json`. */
  readonly screen?: string;
}

/** The outcome of a start: a gateway of this start, or one that ran already. */
export type BackgroundStart =
  | { readonly outcome: "started"; readonly daemon: StartedDaemon; readonly screen: string | undefined }
  | { readonly outcome: "already-running"; readonly daemon: DaemonStatus };

export interface BackgroundInput {
  /** The daemon's start script. */
  readonly program: string;
  /** Its arguments, without `--background`. */
  readonly args: readonly string[];
  readonly paths: RuntimePaths;
  readonly logFile: string;
  /** A gateway that does not serve in this time is ended; 30 seconds by default. */
  readonly timeoutMs?: number;
}

/** Longer than a worker's own time to start, so that the reason is the worker's. */
const startTimeoutMs = 30_000;
/** A gateway that is ended for its slow start gets this long to clean up. */
const cleanUpMs = 2000;
const logTailLines = 10;
/** The child is looked at whenever it prints something, and after this time. */
const lookMs = 50;

/**
 * Starts a gateway that outlives this process, and returns when its port answers, unless one runs already.
 * @throws Error with the reason if it does not come up: its last words, or else those of the log. It is ended then.
 */
export async function startBackground(input: BackgroundInput): Promise<BackgroundStart> {
  const { program, args, paths, logFile, timeoutMs = startTimeoutMs } = input;
  const running = await readDaemonStatus(paths);
  if (running !== undefined) return { outcome: "already-running", daemon: running };
  const logFrom = readText(logFile).length;
  // It reports on its standard output, in one line of JSON, that it serves: the first key is nowhere else.
  const child = spawn(process.execPath, [...nodeOptionsForChild(process.execArgv), program, ...args, "--background-child"], {
    detached: true,
    env: environmentForChild(process.env),
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  let stdout = "";
  let stderr = "";
  let wake = (): void => {};
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString("utf8");
    wake();
  });
  child.stderr.on("data", (data: Buffer) => (stderr = (stderr + data.toString("utf8")).slice(-8192)));
  // With its output read to the end.
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  const ended: { exit?: number | null } = {};
  void closed.then((code) => {
    ended.exit = code;
    wake();
  });
  const waitForWord = (): Promise<void> => Promise.race([sleep(lookMs), new Promise<void>((resolve) => (wake = resolve))]);
  try {
    for (const deadline = performance.now() + timeoutMs; ended.exit === undefined && performance.now() < deadline; await waitForWord()) {
      const status = stdout.includes("\n") ? await readDaemonStatus(paths) : undefined;
      if (status?.pid !== child.pid || status === undefined) continue;
      const { url, api_key: key, screen } = JSON.parse(stdout.slice(0, stdout.indexOf("\n"))) as StartLine;
      return { outcome: "started", daemon: { ...status, url, ...(key === null ? {} : { api_key: key }) }, screen };
    }
    if (ended.exit === undefined) {
      await endChild(child, closed);
      throw new Error(failureText(`The gateway did not serve within ${timeoutMs / 1000} s, and was ended.`, stderr, logFile, logFrom));
    }
    // Of two starts at once the other one may have won.
    const other = await readDaemonStatus(paths);
    if (other !== undefined) return { outcome: "already-running", daemon: other };
    throw new Error(failureText(`The gateway ended at once (exit ${ended.exit}).`, stderr, logFile, logFrom));
  } finally {
    child.stdout.destroy();
    child.stderr.destroy();
    child.unref();
  }
}

async function endChild(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), cleanUpMs);
  await closed;
  clearTimeout(timer);
}

/** What went wrong, in the gateway's own words, which need no other; else in those of the log. */
function failureText(what: string, stderr: string, logFile: string, logFrom: number): string {
  const said = stderr.trim().replaceAll(/^tokligence-daemon: /gm, "");
  if (said !== "") return `${said}\n${what}`;
  const tail = readText(logFile).slice(logFrom).trimEnd().split("\n").slice(-logTailLines).map(plainLogLine);
  return [what, ...tail.filter((line) => line !== ""), `The log is ${logFile}.`].join("\n");
}

/** `{"level":50,"error":"no","msg":"it failed"}` as `it failed: no`. */
function plainLogLine(line: string): string {
  try {
    const { msg, error } = JSON.parse(line) as { readonly msg?: unknown; readonly error?: unknown };
    if (typeof msg === "string") return typeof error === "string" ? `${msg}: ${error}` : msg;
  } catch {
    // Not a line of the log's own.
  }
  return line;
}

const stopTimeoutMs = 40_000;
/** A gateway without active answers has usually ended by then. The lock is looked at later only, as it loads the database's modules. */
const lockAfterMs = 1000;

/** Asks the running daemon to end in order and waits until it has. `undefined`: none was running; else its pid. @throws where it does not end. */
export async function stopDaemon(paths: RuntimePaths, options: Pick<ControlOptions, "via"> = {}): Promise<number | undefined> {
  const status = await readDaemonStatus(paths);
  if (status === undefined) return undefined;
  await createControlSender(paths.socket, options)("POST", "/api/v1/stop");
  const askedMs = performance.now();
  while (isRunning(status.pid)) {
    const waitedMs = performance.now() - askedMs;
    if (waitedMs > lockAfterMs && (await hasReleased(paths))) break;
    if (waitedMs > stopTimeoutMs) throw new Error(`The daemon (pid ${status.pid}) does not end. Look at its log, or end it by hand.`);
    await sleep(50);
  }
  return status.pid;
}

/** The lock shows the end, too: a process that has ended keeps its number until its parent has asked for its exit, which in a container may be never. */
async function hasReleased(paths: RuntimePaths): Promise<boolean> {
  const { takeFileLock } = await import("../../store/index.ts");
  const lock = takeFileLock(paths.lock);
  lock?.release();
  return lock !== undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // Not there yet.
  }
}
