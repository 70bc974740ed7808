import type { ChildProcess } from "node:child_process";
import { fork, spawn } from "node:child_process";
import { on } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { UsageRow } from "../../src/ledger/index.ts";
import type { CommandAsked, CommandEnded } from "./command-server.ts";

const bin = (name: string): string => fileURLToPath(new URL(`../../bin/${name}.js`, import.meta.url));

const commandServer = fileURLToPath(new URL("command-server.ts", import.meta.url));

/** A command that has ended. */
export interface Ended {
  /** `null`: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

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
  daemon(...args: readonly string[]): Promise<Ended>;
  /** Runs a command in a process that is shared by all commands of this home. */
  tokligence(...args: readonly string[]): Promise<Ended>;
  /** Starts in the foreground on a free port and resolves when it serves. @throws Error with its output where it ends instead. */
  start(...args: readonly string[]): Promise<RunningProcess>;
  log(): Promise<string>;
  /** The ledger, as it lies in the database. */
  rows(): UsageRow[];
  /** Ends every process that was started here, by its id, and removes the folder. */
  clear(): Promise<void>;
}

/** No command of these tests takes longer; one that hangs is ended. */
const limitMs = 20_000;

/** @param openFiles the most files that a process started here may open (`ulimit -n`). */
export async function createHome({ openFiles }: { readonly openFiles?: number } = {}): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-process-"));
  const place = join(folder, "config", "tokligence");
  const children = new Set<ChildProcess>();
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, XDG_CONFIG_HOME: join(folder, "config") };

  const launch = (program: string, args: readonly string[]): { child: ChildProcess; ended: Promise<Ended>; stdout: () => string } => {
    const command = [process.execPath, bin(program), ...args];
    // The shell becomes the program, and so keeps its process id.
    const [file, ...rest] = openFiles === undefined ? command : ["sh", "-c", `ulimit -n ${openFiles}; exec "$0" "$@"`, ...command];
    const child = spawn(file!, rest, { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
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
  const run = async (program: string, args: readonly string[]): Promise<Ended> => {
    const { child, ended } = launch(program, args);
    const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
    const result = await ended;
    clearTimeout(limit);
    return result;
  };
  let server: ChildProcess | undefined;
  let lastId = 0;
  const command = async (...args: readonly string[]): Promise<Ended> => {
    if (server === undefined) {
      server = fork(commandServer, { env, cwd: folder, execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
      server.setMaxListeners(0);
      children.add(server);
    }
    const asked: CommandAsked = { id: ++lastId, args };
    server.send(asked);
    const signal = AbortSignal.timeout(limitMs);
    for await (const [ended] of on(server, "message", { signal, close: ["exit"] }) as AsyncIterable<[CommandEnded]>) {
      if (ended.id === asked.id) return { code: ended.code, stdout: ended.stdout, stderr: ended.stderr };
    }
    throw new Error(`the process of the commands ended during: tokligence ${args.join(" ")}`);
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
      const result = await run("tokligence-daemon", args);
      const pid = await pidInFile();
      if (pid !== undefined) background.add(pid);
      return result;
    },
    tokligence: command,
    async start(...args) {
      const { child, ended, stdout } = launch("tokligence-daemon", [
        "start",
        "--json",
        ...(args.includes("--port") ? [] : ["--port", "0"]),
        ...args,
      ]);
      const report = new Promise<DaemonReport>((resolve) => {
        child.stdout!.on("data", () => {
          if (stdout().includes("\n")) resolve(JSON.parse(stdout().slice(0, stdout().indexOf("\n"))) as DaemonReport);
        });
      });
      const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
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
        // Only one that is a daemon of this folder: its pid file says so.
        if (id === pid) end(id);
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
