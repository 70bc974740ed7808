import { fileURLToPath } from "node:url";
import { runDaemonCli } from "../../src/app/cli/daemon-main.ts";
import { runCli } from "../../src/app/cli/main.ts";
import type { BuiltProgram } from "../testbed/built-program.ts";

/** A command to run. */
export interface CommandAsked {
  readonly id: number;
  readonly program: "tokligence" | "tokligence-daemon";
  readonly args: readonly string[];
  /** Where it is run. */
  readonly folder: string;
  /** Of its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** What `tokligence-daemon` starts; its sources if omitted. */
  readonly built?: BuiltProgram;
}

/** A command that has ended, with what it printed. */
export interface CommandEnded {
  readonly id: number;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const daemonProgram = fileURLToPath(new URL("../../bin/tokligence-daemon.js", import.meta.url));
/**
 * The program of a process that runs commands for its parent, one after the other: each costs what the command itself costs, and not half a second of
 * loading as well.
 */
let last = Promise.resolve();
process.on("message", ({ id, program, args, folder, env, built }: CommandAsked) => {
  last = last.then(async () => {
    const printed = { stdout: "", stderr: "" };
    const restore = [takeOver("stdout", printed), takeOver("stderr", printed)];
    try {
      process.chdir(folder);
      Object.assign(process.env, env, built?.env);
      const code = await (program === "tokligence" ? runCli(args) : runDaemonCli(args, built?.daemon ?? daemonProgram));
      process.send!({ id, code, ...printed } satisfies CommandEnded);
    } finally {
      for (const each of restore) each();
      // Each command listens once for a reader that goes; its process is expected to end with it.
      process.stdout.removeAllListeners("error");
    }
  });
});
process.on("disconnect", () => process.exit());

/** @returns what undoes it. */
function takeOver(name: "stdout" | "stderr", printed: Record<"stdout" | "stderr", string>): () => void {
  const stream = process[name];
  const { write } = stream;
  stream.write = (chunk: Uint8Array | string): boolean => {
    printed[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    return true;
  };
  return () => {
    stream.write = write;
  };
}
