import { fork, type ChildProcess } from "node:child_process";
import { on } from "node:events";
import { fileURLToPath } from "node:url";
import { atEndOfRun } from "../testbed/end-of-run.ts";
import type { CommandAsked, CommandEnded } from "./command-server.ts";

/** A command that has ended. */
export interface Ended {
  /** `null`: ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const program = fileURLToPath(new URL("command-server.ts", import.meta.url));

/** No command of these tests takes longer; one that hangs is ended. */
export const commandLimitMs = 20_000;

/** One process for the commands of all homes of a run: loading the program takes longer than most commands. */
let server: ChildProcess | undefined;
let lastId = 0;

atEndOfRun(async () => {
  server?.kill("SIGKILL");
  server = undefined;
});

export async function runCommand(command: Omit<CommandAsked, "id">): Promise<Ended> {
  const asked: CommandAsked = { ...command, id: ++lastId };
  const child = (server ??= startServer());
  child.send(asked);
  try {
    const signal = AbortSignal.timeout(commandLimitMs);
    for await (const [ended] of on(child, "message", { signal, close: ["exit"] }) as AsyncIterable<[CommandEnded]>) {
      if (ended.id === asked.id) return { code: ended.code, stdout: ended.stdout, stderr: ended.stderr };
    }
    throw new Error("their process ended");
  } catch (error) {
    child.kill("SIGKILL");
    if (server === child) server = undefined;
    throw new Error(`${asked.program} ${asked.args.join(" ")} did not end`, { cause: error });
  }
}

function startServer(): ChildProcess {
  const env = { PATH: process.env["PATH"] ?? "" };
  const child = fork(program, { env, execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  child.setMaxListeners(0);
  return child;
}
