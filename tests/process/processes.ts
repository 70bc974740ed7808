import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { UsageRow } from "../../src/ledger/index.ts";
import { builtProgram } from "../testbed/built-program.ts";
import { commandLimitMs, runCommand, type Ended } from "./commands.ts";

/** What `start --json` prints. */
export interface DaemonReport {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly config: string;
  readonly api_key: string | null;
}

/** A daemon in the foreground of a process of its own. */
export interface RunningProcess extends DaemonReport {
  readonly child: ChildProcess;
  /** Resolves when the process is gone. */
  readonly ended: Promise<Ended>;
}

/** A user's home of its own, with the commands run in it. Nothing of the surroundings is seen but the path to programs. */
export interface Home {
  readonly folder: string;
  /** Where configuration, database, log and pid file lie. */
  readonly place: string;
  readonly database: string;
  writeConfig(yaml: string): Promise<void>;
  /** Runs `tokligence-daemon`: `start` without `--background` in a process of its own, all else as `tokligence`. */
  daemon(...args: readonly string[]): Promise<Ended>;
  /** Runs a command in a process that is shared by the commands of all homes. */
  tokligence(...args: readonly string[]): Promise<Ended>;
  /** Starts in the foreground on a free port and resolves when it serves. @throws Error with its output where it ends instead. */
  start(...args: readonly string[]): Promise<RunningProcess>;
  log(): Promise<string>;
  /** The ledger, as it lies in the database. */
  rows(): UsageRow[];
  /** Ends every process that was started here, by its id, and removes the folder. */
  clear(): Promise<void>;
}

export interface HomeOptions {
  /** The most files that a process started here may open (`ulimit -n`). */
  readonly openFiles?: number;
  /** More of the environment; `folder` is the home's. */
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
}

export async function createHome({ openFiles, env: more }: HomeOptions = {}): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-process-"));
  const place = join(folder, "config", "tokligence");
  const children = new Set<ChildProcess>();
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, XDG_CONFIG_HOME: join(folder, "config"), ...more?.(folder) };

  const launch = async (args: readonly string[]): Promise<{ child: ChildProcess; ended: Promise<Ended>; stdout: () => string }> => {
    const program = await builtProgram();
    const command = [process.execPath, program.daemon, ...args];
    // The shell becomes the program, and so keeps its process id.
    const [file, ...rest] = openFiles === undefined ? command : ["sh", "-c", `ulimit -n ${openFiles}; exec "$0" "$@"`, ...command];
    const child = spawn(file!, rest, { env: { ...program.env, ...env }, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    children.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    const ended = new Promise<Ended>((resolve) => {
      child.on("close", (code) => {
        children.delete(child);
        resolve({ code, stdout, stderr });
      });
    });
    return { child, ended, stdout: () => stdout };
  };
  const run = async (args: readonly string[]): Promise<Ended> => {
    const { child, ended } = await launch(args);
    const limit = setTimeout(() => child.kill("SIGKILL"), commandLimitMs);
    const result = await ended;
    clearTimeout(limit);
    return result;
  };
  const pidInFile = async (): Promise<number | undefined> => {
    const pid = Number(await readFile(join(place, "gateway.pid"), "utf8").catch(() => ""));
    return pid > 0 ? pid : undefined;
  };
  /** Daemons in the background have no parent process. */
  const background = new Set<number>();

  return {
    folder,
    place,
    database: join(place, "gateway.db"),
    async writeConfig(yaml) {
      await mkdir(place, { recursive: true, mode: 0o700 });
      await writeFile(join(place, "config.yaml"), yaml, { mode: 0o600 });
    },
    async daemon(...args) {
      const isForeground = args.includes("start") && !args.includes("--background");
      const result = isForeground
        ? await run(args)
        : await runCommand({ program: "tokligence-daemon", args, folder, env, built: await builtProgram() });
      const pid = await pidInFile();
      if (pid !== undefined) background.add(pid);
      return result;
    },
    tokligence: (...args) => runCommand({ program: "tokligence", args, folder, env }),
    async start(...args) {
      const { child, ended, stdout } = await launch(["start", "--json", ...(args.includes("--port") ? [] : ["--port", "0"]), ...args]);
      const report = new Promise<DaemonReport>((resolve) => {
        child.stdout!.on("data", () => {
          if (stdout().includes("\n")) resolve(JSON.parse(stdout().slice(0, stdout().indexOf("\n"))) as DaemonReport);
        });
      });
      const limit = setTimeout(() => child.kill("SIGKILL"), commandLimitMs);
      const first = await Promise.race([report, ended]);
      clearTimeout(limit);
      if ("code" in first) throw new Error(`it ended (${first.code}): ${first.stderr}`);
      return { ...first, child, ended };
    },
    log: () => readFile(join(place, "gateway.log"), "utf8"),
    rows() {
      const database = new DatabaseSync(join(place, "gateway.db"), { readOnly: true });
      try {
        return database.prepare("select * from usage_entries order by time_ms, request_id, attempt").all() as unknown as UsageRow[];
      } finally {
        database.close();
      }
    },
    async clear() {
      const pid = await pidInFile();
      if (pid !== undefined) background.add(pid);
      for (const child of children) child.kill("SIGKILL");
      for (const id of background) {
        // Only one that is a daemon of this folder: its pid file says so. A test may have written the number of its own process there.
        if (id === pid && id !== process.pid) end(id);
      }
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** The daemon's own ending by a signal. */
export async function endBy(process: RunningProcess, signal: NodeJS.Signals): Promise<Ended> {
  process.child.kill(signal);
  return process.ended;
}
