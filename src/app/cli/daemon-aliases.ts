import type { Command } from "commander";
import { daemonProgram } from "../self.ts";

const daemonCommands: readonly (readonly [name: string, description: string])[] = [
  ["start", "start the gateway, as `tokligence-daemon start` does"],
  ["stop", "end the running gateway in order"],
  ["restart", "put a new gateway in its place without a gap"],
];

/** Lists the daemon's commands in the help of `tokligence`, too. They run as `tokligence-daemon` would. */
export function addDaemonCommands(program: Command): void {
  for (const [name, description] of daemonCommands) program.command(name).description(description).helpOption(false);
}

/** Whether a command line is one of the daemon's. */
export function findDaemonCommand(program: Command, argv: readonly string[]): boolean {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (!word.startsWith("-")) return daemonCommands.some(([name]) => name === word);
    if (program.options.some(({ long, required }) => long === word && required)) i++;
  }
  return false;
}

export async function runDaemonCommand(argv: readonly string[]): Promise<number> {
  const { runDaemonCli } = await import("./daemon-main.ts");
  return await runDaemonCli(argv, daemonProgram());
}
