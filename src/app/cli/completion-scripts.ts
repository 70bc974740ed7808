import type { ArgumentInfo, CommandInfo, OptionInfo } from "./registry.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** What the running gateway is asked for: `tokligence completion --names users`. */
export type NameKind = "models" | "users";

/** Arguments and values of options that are names of the gateway, by the name that the command gives them. */
const kinds: Readonly<Record<string, NameKind>> = {
  model: "models",
  user: "users",
  username: "users",
  subject: "users",
};

function kindOf(name: string | undefined): NameKind | undefined {
  const plain = name?.replaceAll(/[<>[\].]/g, "") ?? "";
  return Object.hasOwn(kinds, plain) ? kinds[plain] : undefined;
}

/** A script that completes commands, options, and names of users and models if the gateway runs. */
export function completionScript(shell: Shell, commands: readonly CommandInfo[]): string {
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      return `${zshHead}${bashScript(commands)}`;
    case "fish":
      return fishScript(commands);
  }
}

/** zsh reads completions of bash, once its own are loaded, which a configuration need not have done. */
const zshHead = `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
autoload -Uz bashcompinit && bashcompinit
`;

interface Completed {
  readonly words: string;
  /** Commands below, or nothing. */
  readonly next: readonly string[];
  readonly options: readonly OptionInfo[];
  /** Of the first argument: words, or what the gateway is asked for. */
  readonly args: string | undefined;
}

function completedOf(commands: readonly CommandInfo[]): readonly Completed[] {
  return commands.map(({ words, options, args }) => ({
    words: words.join(" "),
    next: commands
      .filter(({ words: other }) => other.length === words.length + 1 && words.every((word, index) => other[index] === word))
      .map(({ words: other }) => other.at(-1)!),
    options,
    args: argumentWords(args[0]),
  }));
}

function argumentWords(argument: ArgumentInfo | undefined): string | undefined {
  if (argument !== undefined && argument.choices.length > 0) return argument.choices.join(" ");
  const kind = kindOf(argument?.name);
  return kind === undefined ? undefined : names(kind);
}

const names = (kind: NameKind): string => `$(tokligence completion --names ${kind} 2>/dev/null)`;

/** One `case` of the words of the command line without options, as in `tokligence user create`. */
function bashScript(commands: readonly CommandInfo[]): string {
  const all = completedOf(commands);
  const longest = all.map(({ words, next, options, args }) => {
    const fixed = [...next, ...options.map(({ long }) => long), "--help"].join(" ");
    return `    "${words}") words="${fixed}${args === undefined ? "" : ` ${args}`}" ;;`;
  });
  const values = all.flatMap(({ words, options }) =>
    options.flatMap((option) => {
      const value = valueWords(option);
      const forms = [option.long, ...(option.short === undefined ? [] : [option.short])].map((form) => `"${words} ${form}"`);
      return value === undefined ? [] : [`    ${forms.join("|")}) values="${value}" ;;`];
    }),
  );
  const known = all.map(({ words }) => `"${words}"`).join("|");
  return `# Completion of tokligence and tokligence-daemon, made by \`tokligence completion\`.
_tokligence() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[0]##*/}" words="" values="" word
  case "$command" in
  tgw) command=tokligence ;;
  tokligenced) command=tokligence-daemon ;;
  esac
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
    case "$command $word" in
    ${known}) command="$command $word" ;;
    esac
  done
  case "$command $before" in
${values.join("\n")}
  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$current"))
    return
  fi
  case "$command" in
${longest.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _tokligence tokligence tokligence-daemon tgw tokligenced
`;
}

/** Values that the gateway checks itself, by option. */
const fixedValues: Readonly<Record<string, string>> = {
  "--role": "admin user",
  "--period": "day month total",
  "--market": "off peers any",
  "--dialect": "openai-chat openai-responses anthropic-messages gemini-generate",
  "--status": "ok error cancelled interrupted refused",
  "--level": "debug info warn error",
  "--by": "user key model provider dialect day hour tag",
};

function valueWords({ long, value, choices }: OptionInfo): string | undefined {
  if (choices.length > 0) return choices.join(" ");
  if (value !== undefined && Object.hasOwn(fixedValues, long)) return fixedValues[long];
  const kind = kindOf(value);
  return kind === undefined ? undefined : names(kind);
}

function fishScript(commands: readonly CommandInfo[]): string {
  const lines = completedOf(commands).flatMap(({ words, options, args }) => {
    const [program] = words.split(" ");
    const info = commands.find((each) => each.words.join(" ") === words)!;
    const begin = `complete -c ${program} -n '__tokligence_at ${words}'`;
    return [
      ...commands
        .filter(({ words: other }) => other.length === info.words.length + 1 && info.words.every((word, index) => other[index] === word))
        .map((below) => `${begin} -f -a ${below.words.at(-1)} -d ${quoted(below.description)}`),
      ...options.map((option) => {
        const values = valueWords(option);
        const takes = option.value === undefined ? "" : fishValue(option.value, values);
        const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
        return `${begin}${short} -l ${option.long.slice(2)}${takes} -d ${quoted(option.description)}`;
      }),
      ...(args === undefined ? [] : [`${begin} -f -a "${args.replaceAll("$(", "(")}"`]),
    ];
  });
  return `# Completion of tokligence and tokligence-daemon, made by \`tokligence completion\`.
set -g __tokligence_commands ${commands.map(({ words }) => `'${words.join(" ")}'`).join(" ")}
# The command that the line has so far, without options and their values, as in "tokligence user create".
function __tokligence_command
  set -l words (commandline -opc)
  set -l command (string replace -r '.*/' '' -- $words[1] | string replace -r '^tgw$' tokligence | string replace -r '^tokligenced$' tokligence-daemon)
  set -e words[1]
  for word in $words
    contains -- "$command $word" $__tokligence_commands; and set command "$command $word"
  end
  echo $command
end
function __tokligence_at
  set -l command (__tokligence_command)
  test "$command" = "$argv"
end
complete -c tgw -w tokligence
complete -c tokligenced -w tokligence-daemon
${lines.join("\n")}
`;
}

/** ` -r`: a file, or any text. */
function fishValue(name: string, values: string | undefined): string {
  if (values !== undefined) return ` -x -a "${values.replaceAll("$(", "(")}"`;
  return /path|file|folder/.test(name) ? " -r" : " -x";
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
