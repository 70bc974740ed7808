import { readVersion } from "../self.ts";

/** Runs `tokligence ARGS` and returns the exit status: 0, or 1 with one line on stderr that says what to do. */
export async function runCli(argv: readonly string[]): Promise<number> {
  // Before the modules of all commands are loaded: it is asked for by scripts.
  if (argv.length === 1 && ["version", "--version", "-v"].includes(argv[0]!)) {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const { runCommands } = await import("./program.ts");
  return await runCommands(argv);
}
