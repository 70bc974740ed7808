import type { CommandInfo, OptionInfo } from "./registry.ts";

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
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`;
    case "fish":
      return fishScript(commands);
  }
}

interface Completed {
  readonly words: string;
  /** Commands below, or nothing. */
  readonly next: readonly string[];
  readonly options: readonly OptionInfo[];
  readonly args: NameKind | undefined;
}

function completedOf(commands: readonly CommandInfo[]): readonly Completed[] {
  return commands.map(({ words, options, args }) => ({
    words: words.join(" "),
    next: commands
      .filter(({ words: other }) => other.length === words.length + 1 && words.every((word, index) => other[index] === word))
      .map(({ words: other }) => other.at(-1)!),
    options,
    args: kindOf(args[0]?.name),
  }));
}

const names = (kind: NameKind): string => `$(tokligence completion --names ${kind} 2>/dev/null)`;

/** One `case` of the words of the command line without options, as in `tokligence user create`. */
function bashScript(commands: readonly CommandInfo[]): string {
  const all = completedOf(commands);
  const longest = all.map(({ words, next, options, args }) => {
    const fixed = [...next, ...options.map(({ long }) => long), "--help"].join(" ");
    return `    "${words}") words="${fixed}${args === undefined ? "" : ` ${names(args)}`}" ;;`;
  });
  const values = all.flatMap(({ words, options }) =>
    options.flatMap((option) => {
      const value = valueWords(option);
      return value === undefined ? [] : [`    "${words} ${option.long}") values="${value}" ;;`];
    }),
  );
  const known = all.map(({ words }) => `"${words}"`).join("|");
  return `# Completion of tokligence and tokligence-daemon, made by \`tokligence completion\`.
_tokligence() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[0]##*/}" words="" values="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
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
complete -F _tokligence tokligence tokligence-daemon tgw
`;
}

function valueWords({ value, choices }: OptionInfo): string | undefined {
  if (choices.length > 0) return choices.join(" ");
  const kind = kindOf(value);
  return kind === undefined ? undefined : names(kind);
}

function fishScript(commands: readonly CommandInfo[]): string {
  const lines = completedOf(commands).flatMap(({ words, options, args }) => {
    const [program, ...rest] = words.split(" ");
    const info = commands.find((each) => each.words.join(" ") === words)!;
    const when = rest.length === 0 ? "__tokligence_at" : `__tokligence_at ${rest.join(" ")}`;
    const begin = `complete -c ${program} -n '${when}'`;
    return [
      ...commands
        .filter(({ words: other }) => other.length === info.words.length + 1 && info.words.every((word, index) => other[index] === word))
        .map((below) => `${begin} -f -a ${below.words.at(-1)} -d ${quoted(below.description)}`),
      ...options.map((option) => {
        const values = valueWords(option);
        const takes = option.value === undefined ? "" : fishValue(values);
        const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
        return `${begin}${short} -l ${option.long.slice(2)}${takes} -d ${quoted(option.description)}`;
      }),
      ...(args === undefined ? [] : [`${begin} -f -a "${names(args).replaceAll("$(", "(")}"`]),
    ];
  });
  return `# Completion of tokligence and tokligence-daemon, made by \`tokligence completion\`.
# Whether the command line, without options, begins with these commands and has no further one of them.
function __tokligence_at
  set -l words (commandline -opc | string match -v -- '-*')
  test (count $words) -gt (count $argv); or return 1
  for i in (seq (count $argv))
    test "$words[(math $i + 1)]" = "$argv[$i]"; or return 1
  end
  test (count $argv) -gt 0; or test (count $words) -eq 1
end
${lines.join("\n")}
`;
}

/** ` -r`: any file or text. */
function fishValue(values: string | undefined): string {
  return values === undefined ? " -r" : ` -x -a "${values.replaceAll("$(", "(")}"`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
