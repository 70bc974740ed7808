import { Command, CommanderError } from "commander";
import { messageOf } from "../../core/index.ts";
import { protocolIds } from "../../ir/index.ts";
import type { OperationAnswer } from "../../server/index.ts";
import type { LoadedSettings } from "../config/index.ts";
import { readVersion } from "../version.ts";
import { explainFileError } from "../explain-file-error.ts";
import { addKeyCommands, addUserCommands } from "./account-commands.ts";
import { addBudgetCommands } from "./budget-commands.ts";
import { addDatabaseCommands } from "./database-commands.ts";
import { addLedgerCommands } from "./ledger-commands.ts";
import { print } from "./output.ts";
import { addUsageCommand } from "./usage-command.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Global {
  readonly config?: string;
}
interface Output {
  readonly json?: boolean;
}

/** Runs `tokligence ARGS` and returns the exit status: 0, or 1 with one line on stderr that says what to do. */
export async function runCli(argv: readonly string[]): Promise<number> {
  const program = new Command("tokligence")
    .description("A self-hosted LLM gateway: users, keys, usage and routes. The server itself is `tokligence-daemon`.")
    .version(readVersion(), "-v, --version", "print the version")
    .option("--config <path>", "the configuration file")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  // What is heavy is loaded by the command that needs it: `version` answers at once.
  const admin: WithAdmin = async (run) => {
    const { openAdmin } = await import("../admin.ts");
    const opened = await openAdmin(await load(program.opts<Global>().config));
    try {
      return await run(opened.call);
    } finally {
      await opened.close();
    }
  };

  program
    .command("init")
    .description("write a commented configuration file, where there is none")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const path = program.opts<Global>().config;
      const { initWithDetection } = await import("../detect.ts");
      const result = await initWithDetection(path);
      print(json === true, result, () =>
        result.created ? `Wrote ${result.path}. Next: tokligence-daemon start` : `${result.path} is there already; nothing was changed.`,
      );
    });

  addUserCommands(program, admin);
  addKeyCommands(program, admin);
  addBudgetCommands(program, admin);
  addLedgerCommands(program, admin);
  addDatabaseCommands(program, () => load(program.opts<Global>().config));

  addUsageCommand(program, admin);

  const route = program.command("route").description("how models are routed").helpCommand(false);
  route
    .command("explain")
    .argument("<model>")
    .option("--dialect <dialect>", `${protocolIds.join(", ")}; the first if omitted`)
    .option("--json", "print JSON")
    .action(async (model: string, options: Output & { dialect?: string }) => {
      const explained = await admin((call) => call("routes.explain", { query: { model, dialect: options.dialect } }));
      print(options.json === true, explained, () => explanationText(explained));
      if (explained.attempts.length === 0) throw new ExitStatus(1);
    });

  program
    .command("version")
    .option("--json", "print JSON")
    .action(({ json }: Output) => {
      const version = readVersion();
      print(json === true, { version }, () => version);
    });

  if (argv.length === 0) {
    program.outputHelp();
    return 0;
  }
  process.stdout.once("error", onOutputError);
  return await runProgram(program, argv);
}

/** A reader that has read enough and gone, as `head` does, is no error. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}

/** Runs a command line; what goes wrong is one line on stderr. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(argv, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (isHelpShown(error)) return 1;
    if (error instanceof ExitStatus) return error.status;
    const message = error instanceof CommanderError ? usageError(error, commandOf(program, argv)) : messageOf(explainFileError(error));
    process.stderr.write(`${program.name()}: ${message}\n`);
    return 1;
  }
}

/** `tokligence user`, without a command of it, has shown what there is. */
function isHelpShown(error: unknown): boolean {
  return error instanceof CommanderError && error.code === "commander.help";
}

/** Commander's words as one line that ends with one full stop, with the help of the command that was meant. */
function usageError({ message }: CommanderError, command: string): string {
  const said = message
    .replace(/^error: /, "")
    .replaceAll("\n", " ")
    .replace(/\.$/, "");
  return `${said}. See \`${command} --help\`.`;
}

/** The command that a command line begins to name, as in `tokligence user create`. */
function commandOf(program: Command, argv: readonly string[]): string {
  let command = program;
  const names = [program.name()];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word.startsWith("-")) {
      const option = command.options.find(({ long, short }) => word === long || word === short);
      if (option?.required === true) i++;
      continue;
    }
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) break;
    command = next;
    names.push(word);
  }
  return names.join(" ");
}

/** Ends a command with a status of its own, its output written already. */
export class ExitStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit ${status}`);
    this.status = status;
  }
}

export async function load(config: string | undefined, argv: Readonly<Record<string, unknown>> = {}): Promise<LoadedSettings> {
  const { loadSettings } = await import("../config/index.ts");
  return loadSettings({ ...(config === undefined ? {} : { path: config }), overrides: argv });
}

function explanationText({ steps, attempts, problem }: OperationAnswer<"routes.explain">): string {
  const plan = attempts.map(
    ({ provider, model, protocol, lane }, i) =>
      `${i === 0 ? "served by" : "then by"} ${provider} as "${model}" over ${protocol}, ${lane === "translated" ? "translated" : lane === "builtin" ? "built in" : "as it is"}`,
  );
  return [...steps, ...plan, ...(problem === undefined ? [] : [problem])].join("\n");
}
