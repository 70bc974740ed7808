import { Command, CommanderError } from "commander";
import { messageOf } from "../../core/index.ts";
import type { OperationAnswer, OperationInput } from "../../server/index.ts";
import type { LoadedSettings } from "../config/index.ts";
import { readVersion } from "../version.ts";
import { explainFileError } from "../explain-file-error.ts";
import { addBudgetCommands } from "./budget-commands.ts";
import { addDatabaseCommands } from "./database-commands.ts";
import { addLedgerCommands } from "./ledger-commands.ts";
import { print, table } from "./output.ts";
import { addUsageCommand } from "./usage-command.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Global {
  readonly config?: string;
}
type Role = OperationInput<"users.create">["body"]["role"];
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

  const user = program.command("user").description("users").helpCommand(false);
  user
    .command("create")
    .argument("<username>")
    .option("--email <email>")
    .option("--role <role>", "admin or user")
    .option("--json", "print JSON")
    .action(async (username: string, options: Output & { email?: string; role?: Role }) => {
      const { email, role } = options;
      const made = await admin((call) => call("users.create", { body: { username, email, role } }));
      print(options.json === true, made, () => `${made.id}  ${made.username}\nNext: tokligence apikey create ${made.username}`);
    });
  user
    .command("list")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { data } = await admin((call) => call("users.list"));
      const rows = data.map((row) => [row.id, row.username, row.email, row.role, row.created_at]);
      print(json === true, data, () => table(["ID", "USERNAME", "EMAIL", "ROLE", "CREATED"], rows));
    });

  const apikey = program.command("apikey").description("API keys").helpCommand(false);
  apikey
    .command("create")
    .argument("<user>", "id or username")
    .option("--name <name>")
    .option("--role <role>", "admin or user; by default the user's own")
    .option("--expires <when>", "as in 30d, 12h or 2027-01-31T00:00:00Z; by default never")
    .option("--models <patterns>", "the models it may call, by comma, as in gpt-*,!gpt-5-pro; by default all")
    .option("--json", "print JSON")
    .action(async (owner: string, options: Output & { name?: string; role?: Role; expires?: string; models?: string }) => {
      const { name, role, expires } = options;
      const models = options.models?.split(",").map((pattern) => pattern.trim());
      const made = await admin((call) => call("keys.create", { body: { user: owner, name, role, expires, models } }));
      print(options.json === true, made, () => `${made.key}\nThis key (${made.id}) is shown once and stored nowhere.`);
    });
  apikey
    .command("list")
    .option("--user <user>", "id or username")
    .option("--json", "print JSON")
    .action(async (options: Output & { user?: string }) => {
      const { data } = await admin((call) => call("keys.list", { query: { user: options.user } }));
      const rows = data.map((row) => [
        row.id,
        row.user_id,
        row.name,
        row.prefix,
        row.role,
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.models?.join(",") ?? null,
        row.parent_id,
      ]);
      const header = ["ID", "USER", "NAME", "PREFIX", "ROLE", "CREATED", "EXPIRES", "REVOKED", "MODELS", "PARENT"];
      print(options.json === true, data, () => table(header, rows));
    });
  apikey
    .command("revoke")
    .argument("<key-id>")
    .option("--json", "print JSON")
    .action(async (id: string, { json }: Output) => {
      const revoked = await admin((call) => call("keys.revoke", { param: id }));
      print(json === true, revoked, () => `${revoked.id} is revoked.`);
    });

  addBudgetCommands(program, admin);
  addLedgerCommands(program, admin);
  addDatabaseCommands(program, () => load(program.opts<Global>().config));

  addUsageCommand(program, admin);

  const route = program.command("route").description("how models are routed").helpCommand(false);
  route
    .command("explain")
    .argument("<model>")
    .option("--dialect <dialect>", "openai-chat, openai-responses, anthropic-messages or gemini-generate", "openai-chat")
    .option("--json", "print JSON")
    .action(async (model: string, options: Output & { dialect: string }) => {
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
