import { createDaemonProgram } from "../../src/app/cli/daemon-main.ts";
import { createProgram } from "../../src/app/cli/program.ts";
import { listCommands, type CommandInfo, type OptionInfo } from "../../src/app/cli/registry.ts";

const intro = `# Commands

Generated from the command line itself by \`npm run docs\`. \`tokligence COMMAND --help\` prints the same.

Every command takes \`--config PATH\` before its name, and \`--json\`. The exit status is 0, or 1 with one line on standard error that says what to do; with \`--json\` that line is
\`{"error":{"code":"…","message":"…"}}\`. \`status\` has exit status 3 if no gateway runs. Where a user is meant, the id and the username both do; a key is named by its id or its beginning (\`tok_ab12\`).

Completion: \`tokligence completion bash | zsh | fish\` prints the script, [quick-start.md](quick-start.md#completion-in-the-shell) says where to put it. The package has man pages: \`man tokligence-user-create\`.
`;

export function renderCommandsPage(): string {
  const commands = listCommands(createProgram(), createDaemonProgram("")).filter(({ isGroup }) => !isGroup);
  const own = commands.filter(({ words }) => words[0] === "tokligence");
  const daemon = commands.filter(({ words }) => words[0] === "tokligence-daemon");
  return [intro, "## tokligence", ...own.map(section), "## tokligence-daemon", ...daemon.map(section), ""].join("\n");
}

/** `<user>`, `[model]`, `<program...>`. */
export function usageOf({ words, args, options }: CommandInfo): string {
  const mandatory = options.filter(({ isMandatory }) => isMandatory).map(({ long, value }) => `${long} ${value ?? ""}`.trim());
  const names = args.map(({ name, isRequired, isVariadic }) => {
    const text = isVariadic ? `${name}...` : name;
    return isRequired ? `<${text}>` : `[${text}]`;
  });
  return [...words, ...mandatory, ...names].join(" ");
}

export function flagsOf({ short, long, value }: OptionInfo): string {
  return `${short === undefined ? "" : `${short}, `}${long}${value === undefined ? "" : ` ${value}`}`;
}

function section(info: CommandInfo): string {
  const { words, description, args, options, examples } = info;
  const rows = [
    ...args.filter((each) => each.description !== "").map((each) => `| \`${each.name}\` | ${cell(each.description)} |`),
    ...options
      .filter(({ long }) => long !== "--json")
      .map((option) => `| \`${flagsOf(option).replaceAll("|", "\\|")}\` | ${cell(textOf(option))} |`),
  ];
  return [
    `### ${words.join(" ")}`,
    "",
    sentence(description),
    "",
    `\`${usageOf(info)}\``,
    ...(examples.length === 0 ? [] : ["", "```sh", ...examples, "```"]),
    ...(rows.length === 0 ? [] : ["", "| | |", "|---|---|", ...rows]),
    "",
  ].join("\n");
}

export function textOf({ description, choices }: OptionInfo): string {
  if (choices.length === 0) return description;
  return `${description === "" ? "" : `${description}: `}${choices.join(", ")}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
