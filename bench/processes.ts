import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import type { ProcFiles } from "./proc.ts";
import { descendants, readProcesses } from "./proc.ts";

const STOP_GRACE_MS = 5000;
const OUTPUT_LIMIT = 64 * 1024;

/** How a process is started: pinned to one core, with this process' environment and `env` over it. */
interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly core: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A started process. `output` is the last 64 KiB of both its streams. */
export interface Running {
  readonly pid: number;
  output(): string;
  exited(): boolean;
  /** Its exit status once it has ended by itself; rejects if it has not within the time, or if it was ended by a signal. */
  finished(timeoutMs: number): Promise<number>;
  /** SIGTERM, then SIGKILL for it and what it left behind, by process id. */
  stop(): Promise<void>;
}

/** Starts processes, ends every one of them on `stopAll`, and from then on starts no more. */
export interface Processes {
  start(start: Start): Running;
  stopAll(): Promise<void>;
}

async function endWithin(child: ChildProcess, timeoutMs: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return true;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await once(child, "exit", { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // ended by itself in the meantime
  }
}

async function stop(child: ChildProcess, pid: number, files: ProcFiles): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const family = descendants(readProcesses(files), pid).map((stat) => stat.pid);
  kill(pid, "SIGTERM");
  if (!(await endWithin(child, STOP_GRACE_MS))) kill(pid, "SIGKILL");
  // Workers that outlived their parent now belong to init; the ids are a few seconds old, so no other process has them yet.
  const left = new Set(readProcesses(files).map((stat) => stat.pid));
  for (const member of family) if (member !== pid && left.has(member)) kill(member, "SIGKILL");
}

/** Makes a set of processes. `taskset` (util-linux) pins each; it replaces itself by the command, so the id is the command's. */
export function createProcesses(files: ProcFiles): Processes {
  const started: Running[] = [];
  let closed = false;
  return {
    start(options) {
      if (closed) throw new Error("the bench is ending");
      const child = spawn("taskset", ["-c", String(options.core), options.command, ...options.args], {
        stdio: ["ignore", "pipe", "pipe"],
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        env: { ...process.env, ...options.env },
      });
      const { pid } = child;
      let output = "";
      const collect = (part: Buffer): void => {
        output = (output + part.toString("utf8")).slice(-OUTPUT_LIMIT);
      };
      child.stdout.on("data", collect);
      child.stderr.on("data", collect);
      child.on("error", (error) => collect(Buffer.from(String(error))));
      if (pid === undefined) throw new Error(`cannot start ${options.command}: is taskset (util-linux) installed?`);
      const running: Running = {
        pid,
        output: () => output,
        exited: () => child.exitCode !== null || child.signalCode !== null,
        async finished(timeoutMs) {
          if (!(await endWithin(child, timeoutMs))) throw new Error(`${options.command} did not end within ${timeoutMs} ms`);
          if (child.exitCode === null) throw new Error(`${options.command} was ended by ${child.signalCode}: ${output.slice(-500)}`);
          await delay(0); // the last output arrives with, not before, the end
          return child.exitCode;
        },
        stop: () => stop(child, pid, files),
      };
      started.push(running);
      return running;
    },
    async stopAll() {
      closed = true;
      await Promise.all(started.splice(0).map((running) => running.stop()));
    },
  };
}

/** Asks `probe` again and again until it gives a value. Throws with the process' output if it ends before, or in time does not. */
export async function waitFor<T>(
  what: string,
  running: Running,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (running.exited()) throw new Error(`${what} ended at its start:\n${running.output().slice(-2000)}`);
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`${what} was not ready within ${timeoutMs} ms:\n${running.output().slice(-2000)}`);
    await delay(20);
  }
}
