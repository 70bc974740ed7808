import { CommanderError, type Command } from "commander";
import { GatewayError, messageOf } from "../../core/index.ts";
import type { ConfigError, LoadedSettings } from "../config/index.ts";
import { explainFileError } from "../explain-file-error.ts";

/** Runs a command line; what goes wrong is one line on stderr. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(argv, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (isHelpShown(error)) return 1;
    if (error instanceof ExitStatus) return error.status;
    const message = failureText(error, program, argv);
    const text = isJsonAsked(argv) ? JSON.stringify({ error: { code: failureCode(error), message } }) : `${program.name()}: ${message}`;
    process.stderr.write(`${text}\n`);
    return 1;
  }
}

/** `--json` behind `--` is an argument of another program. */
function isJsonAsked(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end < 0 ? argv : argv.slice(0, end)).includes("--json");
}

/** For programs: the code of the API's error; `usage`: the command line is wrong; `config`: the configuration is. */
function failureCode(error: unknown): string {
  if (error instanceof CommanderError) return "usage";
  if (isConfigError(error)) return "config";
  return error instanceof GatewayError ? error.code : "failed";
}

function failureText(error: unknown, program: Command, argv: readonly string[]): string {
  if (error instanceof CommanderError) return usageError(error, commandOf(program, argv).names.join(" "));
  if (isConfigError(error)) return configErrorText(error);
  return inOptionNames(messageOf(explainFileError(error)), commandOf(program, argv).command);
}

/** Compared by its name, so that commands without a configuration do not load the module that reads it. */
function isConfigError(error: unknown): error is ConfigError {
  return error instanceof Error && error.name === "ConfigError";
}

/** One problem is one line; several have a line each, below a first one. Warnings come after them, as they may be the reason. */
export function configErrorText({ problems, message, warnings }: Pick<ConfigError, "problems" | "message" | "warnings">): string {
  const hints = warnings.map((warning) => `\n  warning: ${warning}`).join("");
  if (problems.length === 1) return message + hints;
  return `the configuration has ${problems.length} errors:${problems.map((problem) => `\n  ${problem.message}`).join("")}${hints}`;
}

/** `tokligence user` without a subcommand has printed its help. */
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

/** The API's names of the commands' options, if they differ. */
const optionOf: Readonly<Record<string, string>> = {
  stop_usd: "stop",
  warn_usd: "warn",
  group_by: "by",
  key_id: "key",
};

/** A message of the API, which quotes names of its fields, in the words of the command: `"stop_usd"` is `--stop`. */
function inOptionNames(message: string, command: Command): string {
  return message.replaceAll(/"([a-z_]+)"/g, (quoted, field: string) => {
    const name = optionOf[field] ?? field.replaceAll("_", "-");
    return command.options.some(({ long }) => long === `--${name}`) ? `--${name}` : quoted;
  });
}

/** The command that a command line begins to name, as in `tokligence user create`. */
function commandOf(program: Command, argv: readonly string[]): { readonly command: Command; readonly names: readonly string[] } {
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
  return { command, names };
}

/** Ends a command with an exit status, after its output has been written. */
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
