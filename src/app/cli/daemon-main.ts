import { Command, Option } from "commander";
import type { RunningDaemon } from "../daemon/run.ts";
import { readDaemonStatus, startBackground, stopDaemon, type DaemonStatus } from "../daemon/start-background.ts";
import { readVersion } from "../version.ts";
import { runtimePaths, type RuntimePaths } from "../paths.ts";
import { createSignalHandler, hasTerminal } from "./daemon-signals.ts";
import { readKeys, showActivity } from "./foreground.ts";
import { ExitStatus, load, runProgram } from "./run-program.ts";
import { print } from "./output.ts";
import { printScreen, showStart, type StartOutput } from "./start-screen.ts";

interface Output {
  readonly json?: boolean;
}
interface StartOptions extends Output {
  readonly port?: string;
  readonly host?: string;
  readonly background?: boolean;
  /** This process was started by `start --background`. */
  readonly backgroundChild?: boolean;
}

/** Runs `tokligence-daemon ARGS` and returns the exit status. `program` is the file that `start --background` starts again. */
export async function runDaemonCli(argv: readonly string[], script: string): Promise<number> {
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
  if (argv.length === 0) {
    program.outputHelp();
    return 0;
  }
  return await runProgram(program, argv);
}

interface DaemonCli {
  readonly program: Command;
  /** The file that `start --background` starts again. */
  readonly script: string;
  /** What `--config` names. */
  readonly config: () => string | undefined;
}

function overridesOf({ port, host }: StartOptions): Record<string, unknown> {
  return { ...(port === undefined ? {} : { "gateway.port": port }), ...(host === undefined ? {} : { "gateway.host": host }) };
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
    .action(async (options: StartOptions) => {
      const written = await writeFirstConfig(cli.config());
      if (options.background === true) {
        await runInBackground(cli, options);
        return;
      }
      const screen = options.backgroundChild === true ? "background" : "screen";
      const output = options.json === true ? "json" : screen;
      await runInForeground(cli.config(), overridesOf(options), { written, output });
    });
}

async function runInBackground({ config, script }: DaemonCli, options: StartOptions): Promise<void> {
  const path = config();
  const loaded = await load(path, overridesOf(options));
  const paths = runtimePaths(loaded.settings.database.path);
  const args = [
    ...(path === undefined ? [] : ["--config", path]),
    "start",
    ...(options.port === undefined ? [] : ["--port", options.port]),
    ...(options.host === undefined ? [] : ["--host", options.host]),
    ...(options.json === true ? ["--json"] : []),
  ];
  const logFile = loaded.settings.gateway.logging.file ?? paths.log;
  const started = await startBackground({ program: script, args, paths, logFile });
  if (started.outcome === "started" && started.screen !== undefined) printScreen(started.screen);
  else if (started.outcome === "started") print(true, started.daemon, () => "");
  else print(options.json === true, { ...started.daemon, already_running: true }, () => runningText(started.daemon, options.port));
}

function addStopCommand({ program, config }: DaemonCli): void {
  program
    .command("stop")
    .description("end the running gateway in order")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { paths, problem } = await locate(config());
      const pid = await stopDaemon(paths);
      if (pid === undefined) warn(problem);
      print(json === true, { status: "stopped", pid: pid ?? null }, () => (pid === undefined ? "not running" : `stopped (pid ${pid})`));
    });
}

function addRestartCommand(cli: DaemonCli): void {
  cli.program
    .command("restart")
    .description("stop and start it, in the background; with the arguments that it was started with")
    .option("--port <port>", "overrides gateway.port")
    .option("--host <host>", "overrides gateway.host")
    .option("--json", "print JSON")
    .action(async (options: StartOptions) => {
      await load(cli.config(), overridesOf(options));
      const { paths } = await locate(cli.config());
      // The arguments of the running one are used again, unless this command gives others.
      const { overrides } = (await readDaemonStatus(paths)) ?? {};
      const kept = { port: textOf(overrides?.["gateway.port"]), host: textOf(overrides?.["gateway.host"]) };
      await stopDaemon(paths);
      await runInBackground(cli, {
        ...(kept.port === undefined ? {} : { port: kept.port }),
        ...(kept.host === undefined ? {} : { host: kept.host }),
        ...options,
      });
    });
}

function addStatusCommand({ program, config }: DaemonCli): void {
  program
    .command("status")
    .description("state, pid, port, uptime; exit 3 when stopped")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { paths, problem } = await locate(config());
      const status = await readDaemonStatus(paths);
      if (status === undefined) {
        warn(problem);
        print(json === true, { status: "stopped" }, () => "stopped");
        throw new ExitStatus(3);
      }
      print(json === true, status, () => statusText(status));
    });
}

/** The paths of the daemon's files. They are found even if the configuration cannot be used, as the gateway may be running. */
async function locate(config: string | undefined): Promise<{ readonly paths: RuntimePaths; readonly problem: Error | undefined }> {
  const { locateDatabase } = await import("../config/index.ts");
  const { path, problem } = locateDatabase(config === undefined ? {} : { path: config });
  return { paths: runtimePaths(path), problem };
}

/** Without the configuration the path is a guess: if no gateway is found there, the user must know that. */
function warn(problem: Error | undefined): void {
  if (problem !== undefined) process.stderr.write(`tokligence-daemon: warning: ${indentLines(problem.message)}\n`);
}

/** The text of a start that found a running gateway. `port`: the one that the command names. */
function runningText(status: DaemonStatus, port: string | undefined): string {
  const text = `already ${statusText(status)}`;
  if (port === undefined || port === String(status.port)) return text;
  return `${text}\nTo serve another port: tokligence-daemon restart --port ${port}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function statusText({ pid, port, uptime_seconds: uptime, reload_failed: problem }: DaemonStatus): string {
  const running = `running (pid ${pid}) on port ${port}, up ${uptime} s`;
  return problem === undefined ? running : `${running}\nreload failed, the settings read before stay in use: ${indentLines(problem)}`;
}

/** Several problems of a configuration have a line each. */
function indentLines(text: string): string {
  return text.replaceAll("\n", "\n  ");
}

/** Runs the gateway in this process until it has ended. */
async function runInForeground(
  config: string | undefined,
  overrides: Readonly<Record<string, unknown>>,
  { written, output }: { readonly written: boolean; readonly output: StartOutput },
): Promise<void> {
  const { runDaemon } = await import("../daemon/run.ts");
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
  daemon = await runDaemon({ config, overrides });
  if (isEnding) void daemon.stop();
  else {
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
