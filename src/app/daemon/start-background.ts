import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { takeFileLock } from "../../store/index.ts";
import { createControlSender, isNobodyThere } from "../control-client.ts";
import type { RuntimePaths } from "../paths.ts";

export interface DaemonStatus {
  readonly status: "running";
  readonly pid: number;
  readonly port: number;
  readonly uptime_seconds: number;
  /** Why the configuration file as it is now is not used; absent: it is. */
  readonly reload_failed?: string;
}

/** A daemon that was started just now. */
export interface StartedDaemon extends DaemonStatus {
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

/** SIGUSR1 must not open Node's debugger, from the first moment on. */
export const noDebugger = "--disable-sigusr1";

const startTimeoutMs = 15_000;
const logTailLines = 10;

/**
 * Starts a daemon that outlives this process, and returns when its port answers. @throws Error with the log's last lines where it does not come up.
 * @param program the daemon's start script; `args` its arguments, without `--background`.
 */
export async function startBackground(
  program: string,
  args: readonly string[],
  paths: RuntimePaths,
  logFile: string,
): Promise<StartedDaemon> {
  const logFrom = readText(logFile).length;
  // It tells on its standard output, in one line of JSON, that it serves: nobody else would see the first key.
  const child = spawn(process.execPath, [...process.execArgv, noDebugger, program, ...args, "--json"], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  let told = "";
  child.stdout.on("data", (data: Buffer) => {
    told += data.toString("utf8");
  });
  let said = "";
  let exit: number | null | undefined;
  child.stderr.on("data", (data: Buffer) => {
    said = (said + data.toString("utf8")).slice(-8192);
  });
  child.on("exit", (code) => {
    exit = code;
  });
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const status = told.includes("\n") ? await readDaemonStatus(paths) : undefined;
    if (status !== undefined && status.pid === child.pid) {
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      const { api_key: key } = JSON.parse(told.slice(0, told.indexOf("\n"))) as { readonly api_key: string | null };
      return key === null ? status : { ...status, api_key: key };
    }
    if (exit !== undefined || performance.now() > deadline) {
      const tail = readText(logFile).slice(logFrom).trimEnd().split("\n").slice(-logTailLines).join("\n");
      const what = exit === undefined ? "The daemon did not answer in time" : `The daemon ended at once (exit ${exit})`;
      throw new Error([`${what}.`, said.trim(), tail].filter((part) => part !== "").join("\n"));
    }
    await sleep(50);
  }
}

const stopTimeoutMs = 40_000;

/** Asks the running daemon to end in order and waits until it has. `undefined`: none was running; else its pid. @throws where it does not end. */
export async function stopDaemon(paths: RuntimePaths): Promise<number | undefined> {
  const status = await readDaemonStatus(paths);
  if (status === undefined) return undefined;
  await createControlSender(paths.socket)("POST", "/api/v1/stop");
  const deadline = performance.now() + stopTimeoutMs;
  while (!hasEnded(status.pid, paths)) {
    if (performance.now() > deadline) throw new Error(`The daemon (pid ${status.pid}) does not end. Look at its log, or end it by hand.`);
    await sleep(50);
  }
  return status.pid;
}

/** The lock tells, too: a process that has ended keeps its number until its parent has asked for its exit, which in a container may be never. */
function hasEnded(pid: number, paths: RuntimePaths): boolean {
  if (!isAlive(pid)) return true;
  const lock = takeFileLock(paths.lock);
  lock?.release();
  return lock !== undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // Not there yet.
  }
}
