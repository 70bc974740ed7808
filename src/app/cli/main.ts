import { readVersion } from "../self.ts";

/** Runs `tokligence ARGS` and returns the exit status: 0, or 1 with one line on stderr that says what to do. */
export async function runCli(argv: readonly string[]): Promise<number> {
  if (!process.stdout.listeners("error").includes(onOutputError)) process.stdout.on("error", onOutputError);
  // Before the modules of all commands are loaded: it is asked for by scripts.
  if (argv.length === 1 && ["version", "--version", "-v"].includes(argv[0]!)) {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const { runCommands } = await import("./program.ts");
  return await runCommands(argv);
}

/** A reader that closes the pipe early, as `head` does, is not an error. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}
