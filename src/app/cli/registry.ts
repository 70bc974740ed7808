import type { Command } from "commander";

/** A command, read off the command line itself, for completion, man pages, the documentation and tests. */
export interface CommandInfo {
  /** The words before arguments and options: `["tokligence", "user", "create"]`. */
  readonly words: readonly string[];
  readonly description: string;
  /** It has commands below it and does nothing itself. */
  readonly isGroup: boolean;
  readonly args: readonly ArgumentInfo[];
  readonly options: readonly OptionInfo[];
  readonly examples: readonly string[];
}

export interface ArgumentInfo {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  /** It takes all words that follow. */
  readonly isVariadic: boolean;
  readonly choices: readonly string[];
}

export interface OptionInfo {
  /** `--model`. */
  readonly long: string;
  /** `-m`, if there is one. */
  readonly short: string | undefined;
  /** `<model>`; `undefined`: it takes no value. */
  readonly value: string | undefined;
  readonly description: string;
  readonly isMandatory: boolean;
  readonly choices: readonly string[];
}

/** All commands of `tokligence` and `tokligence-daemon`, the programs first. `start`, `stop` and `restart` are the daemon's also in `tokligence`. */
export function listCommands(program: Command, daemonProgram: Command): readonly CommandInfo[] {
  const daemon = infosOf(daemonProgram, []);
  const own = infosOf(program, []);
  const shared = own.map((info) => {
    if (info.words.length !== 2 || !sharedNames.has(info.words[1]!)) return info;
    const same = daemon.find(({ words }) => words.length === 2 && words[1] === info.words[1])!;
    return { ...same, words: info.words, description: info.description, examples: info.examples };
  });
  return [...shared, ...daemon];
}

const sharedNames: ReadonlySet<string> = new Set(["start", "stop", "restart"]);

function infosOf(command: Command, before: readonly string[]): CommandInfo[] {
  const words = [...before, command.name()];
  // The program alone prints its help, as does a group.
  const isGroup = command.commands.length > 0 && command.registeredArguments.length === 0;
  const info: CommandInfo = {
    words,
    description: command.description(),
    isGroup,
    args: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: argument.description,
      isRequired: argument.required,
      isVariadic: argument.variadic,
      choices: argument.argChoices ?? [],
    })),
    options: command.options
      .filter(({ hidden }) => !hidden)
      .map((option) => ({
        long: option.long ?? option.flags,
        short: option.short,
        value: /[<[][^\]>]+[>\]]/.exec(option.flags)?.[0],
        description: option.description,
        isMandatory: option.mandatory,
        choices: option.argChoices ?? [],
      })),
    examples: examplesOf(command),
  };
  return [info, ...command.commands.flatMap((below) => infosOf(below, words))];
}

const examplesTitle = "\nExamples:\n";

function examplesOf(command: Command): readonly string[] {
  let help = "";
  command.configureOutput({ ...command.configureOutput(), writeOut: (text) => (help += text) });
  command.outputHelp();
  const [, examples = ""] = help.split(examplesTitle);
  return examples
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
