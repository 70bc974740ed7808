import { createDaemonProgram } from "../../src/app/cli/daemon-main.ts";
import { createProgram } from "../../src/app/cli/program.ts";
import { listCommands, type CommandInfo } from "../../src/app/cli/registry.ts";
import { flagsOf, textOf, usageOf } from "./commands-page.ts";

/** A man page of section 1 for each command and group, by file name: `tokligence-user-create.1`. The form is that of man(7), as man-db and mandoc read it. */
export function renderManPages(version: string): ReadonlyMap<string, string> {
  const commands = listCommands(createProgram(), createDaemonProgram(""));
  return new Map(commands.map((info) => [`${info.words.join("-")}.1`, page(info, commands, version)]));
}

function page(info: CommandInfo, commands: readonly CommandInfo[], version: string): string {
  const { words, description, args, options, examples } = info;
  const name = words.join("-");
  const below = commands.filter(
    ({ words: other }) => other.length === words.length + 1 && words.every((word, index) => other[index] === word),
  );
  const usage = below.length > 0 && info.isGroup ? `${words.join(" ")} COMMAND` : `${usageOf(info)} [OPTIONS]`;
  return [
    `.TH "${escape(name.toUpperCase())}" 1 "" "tokligence ${version}"`,
    ".SH NAME",
    `${escape(name)} \\- ${escape(description)}`,
    ".SH SYNOPSIS",
    `.B ${escape(usage)}`,
    ...part(
      "ARGUMENTS",
      args.map((each) => entry(each.name, each.description)),
    ),
    ...part(
      "OPTIONS",
      options.map((option) => entry(flagsOf(option), textOf(option))),
    ),
    ...part(
      "COMMANDS",
      below.map((each) => entry(each.words.at(-1)!, each.description)),
    ),
    ...part(
      "EXAMPLES",
      examples.flatMap((example) => [".PP", ".nf", escape(example), ".fi"]),
    ),
    ".SH EXIT STATUS",
    "0, or 1 with one line on standard error that says what to do. status: 3 if no gateway runs.",
    ...part("SEE ALSO", [
      [words[0]!, ...words.slice(1, -1)].join("-") === name
        ? "The documentation: http://localhost:8081/docs/ of a running gateway"
        : `.BR ${escape(words.slice(0, -1).join("-"))} (1)`,
    ]),
    "",
  ].join("\n");
}

function part(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`.SH ${title}`, ...lines];
}

function entry(term: string, text: string): string {
  return `.TP\n.B ${escape(term)}\n${text === "" ? "\\&" : escape(text)}`;
}

/** A backslash begins an escape, a dot or an apostrophe at the begin of a line a request; a dash is a minus that can be copied. */
function escape(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^([.'])/gm, "\\&$1");
}
