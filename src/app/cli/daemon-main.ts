import { Command, Option } from "commander";
import type { DaemonStart, RunningDaemon } from "../daemon/run.ts";
import { stopDaemon } from "../daemon/start-background.ts";
import { readVersion } from "../self.ts";
import { createSignalHandler, hasTerminal } from "./daemon-signals.ts";
import {
  findRunning,
  overridesOf,
  runInBackground,
  statusText,
  warn,
  type DaemonCli,
  type Output,
  type StartOptions,
} from "./daemon-cli.ts";
import { addCommandTexts } from "./command-texts.ts";
import { addRestartCommand } from "./restart-command.ts";
import { addServiceCommands } from "./service-commands.ts";
import { ExitStatus, runProgram } from "./run-program.ts";
import { print } from "./output.ts";
import type { StartOutput } from "./start-screen.ts";

/** The command line `tokligence-daemon`, with all its commands. */
export function createDaemonProgram(script: string): Command {
  const program = new Command("tokligence-daemon")
    .description("The gateway's server.")
    .version(readVersion(), "-v, --version", "print the version")
    .option("--config <path>", "the configuration file")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const cli: DaemonCli = { program, script, config: () => program.opts<{ config?: string }>().config };
  addStartCommand(cli);
  addStopCommand(cli);
  addRestartCommand(cli);
  addStatusCommand(cli);
  addServiceCommands(cli);
  addCommandTexts(program);
  return program;
}

/** Runs `tokligence-daemon ARGS` and returns the exit status. `script` is the file that `start --background` starts again. */
export async function runDaemonCli(argv: readonly string[], script: string): Promise<number> {
  const program = createDaemonProgram(script);
  if (argv.length === 0) {
    program.outputHelp();
    return 0;
  }
  return await runProgram(program, argv);
}

function addStartCommand(cli: DaemonCli): void {
  cli.program
    .command("start")
    .description("start the gateway; in the foreground, unless --background is given")
    .option("--port <port>", "overrides gateway.port")
    .option("--host <host>", "overrides gateway.host")
    .option("--background", "return when the port answers")
    .option("--json", "print JSON")
    .addOption(new Option("--background-child").hideHelp())
    .addOption(new Option("--take-over").hideHelp())
    .action(async (options: StartOptions) => {
      const written = await writeFirstConfig(cli.config());
      if (options.background === true) {
        await runInBackground(cli, options);
        return;
      }
      const screen = options.backgroundChild === true ? "background" : "screen";
      const output = options.json === true ? "json" : screen;
      const start = { config: cli.config(), overrides: overridesOf(options), takeOver: options.takeOver === true };
      await runInForeground(start, { written, output });
    });
}

function addStopCommand({ program, config }: DaemonCli): void {
  program
    .command("stop")
    .description("end the running gateway in order")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { paths, status, problem } = await findRunning(config());
      const pid = status === undefined ? undefined : await stopDaemon(paths);
      if (pid === undefined) warn(problem);
      print(json === true, { status: "stopped", pid: pid ?? null }, () => (pid === undefined ? "not running" : `stopped (pid ${pid})`));
    });
}

function addStatusCommand({ program, config }: DaemonCli): void {
  program
    .command("status")
    .description("state, pid, port, uptime; exit 3 when stopped")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { status, problem } = await findRunning(config());
      if (status === undefined) {
        warn(problem);
        print(json === true, { status: "stopped" }, () => "stopped");
        throw new ExitStatus(3);
      }
      print(json === true, status, () => statusText(status));
    });
}

/** Runs the gateway in this process until it has ended. */
async function runInForeground(
  start: DaemonStart,
  { written, output }: { readonly written: boolean; readonly output: StartOutput },
): Promise<void> {
  const [{ runDaemon }, { showStart }, { readKeys, showActivity }] = await Promise.all([
    import("../daemon/run.ts"),
    import("./start-screen.ts"),
    import("./foreground.ts"),
  ]);
  let daemon: RunningDaemon | undefined;
  let isEnding = false;
  /** Functions that release what the screen uses. */
  const release: (() => void)[] = [];
  const handle = createSignalHandler({
    now: () => performance.now(),
    hadTerminal: hasTerminal(),
    hasTerminal: () => process.platform !== "win32" && hasTerminal(),
    drain(signal) {
      isEnding = true;
      if (daemon === undefined) return;
      if (output === "screen") void sayDrain(daemon, signal);
      void daemon.stop();
    },
    // Active answers are cut off, and what the ledger has not written is lost.
    endAtOnce: () => process.exit(130),
    reload: () => daemon?.reload(),
  });
  // Before the port answers: a program that sees it answer may send a signal.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, handle);
  // A terminal that is closed, or a reader that is gone, must not end the gateway.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  daemon = await runDaemon(start);
  if (isEnding) void daemon.stop();
  else if (start.takeOver === true) {
    void daemon.gateway.warmUp();
    if (output === "screen") release.push(showActivity(daemon.logFile));
  } else {
    const { url } = await showStart(daemon, written, output);
    const running = daemon;
    const actions = { url, reload: () => running.reload(), end: () => handle("SIGINT") };
    if (output === "screen") release.push(showActivity(daemon.logFile), readKeys(actions));
  }
  await daemon.stopped;
  for (const step of release) step();
}

/** Prints what the drain waits for. Without active requests it ends at once, and nothing is printed. */
async function sayDrain(daemon: RunningDaemon, signal: NodeJS.Signals): Promise<void> {
  const count = await daemon.countRequests();
  if (count === 0) return;
  const again = signal === "SIGINT" ? "Ctrl-C again" : "a second signal";
  process.stdout.write(`draining ${count} ${count === 1 ? "request" : "requests"}, ${again} ends at once\n`);
}

/** Writes a configuration at the first start. `false`: there was one. */
async function writeFirstConfig(path: string | undefined): Promise<boolean> {
  const { initConfig } = await import("../config/index.ts");
  if (!initConfig({ ...(path === undefined ? {} : { path }), dryRun: true }).created) return false;
  const { initWithDetection } = await import("../detect.ts");
  return (await initWithDetection(path)).created;
}
