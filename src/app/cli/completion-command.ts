import { Argument, Option, type Command } from "commander";
import { readAllPages } from "../../core/index.ts";
import type { AdminClient } from "../../server/index.ts";
import { shells, type NameKind, type Shell } from "./completion-scripts.ts";
import { addExamples, print } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly names?: NameKind;
  readonly json?: boolean;
}

/** `completion bash|zsh|fish`: prints the script. The script itself asks with `--names` for what only the gateway knows. */
export function addCompletionCommand(program: Command, admin: WithAdmin): void {
  const command = program
    .command("completion")
    .description("print a script that completes commands, options, and names of users and models if the gateway runs")
    .addArgument(new Argument("[shell]", "whose script").choices(shells))
    .addOption(new Option("--names <kind>", "print names that the gateway knows, one a line").choices(["models", "users"]).hideHelp())
    .option("--json", "print JSON")
    .action(async (shell: Shell | undefined, { names, json }: Options) => {
      if (names !== undefined) {
        const found = await admin((call) => readNames(call, names));
        print(json === true, found, () => found.join("\n"));
        return;
      }
      if (shell === undefined) throw new Error(`Say for which shell: tokligence completion ${shells.join(" | ")}`);
      const [{ completionScript }, { listCommands }, { createDaemonProgram }] = await Promise.all([
        import("./completion-scripts.ts"),
        import("./registry.ts"),
        import("./daemon-main.ts"),
      ]);
      const script = completionScript(shell, listCommands(program, createDaemonProgram("")));
      print(json === true, { shell, script }, () => script.trimEnd());
    });
  addExamples(command, [
    'echo "source <(tokligence completion zsh)" >> ~/.zshrc',
    "tokligence completion bash > ~/.local/share/bash-completion/completions/tokligence",
    "tokligence completion fish > ~/.config/fish/completions/tokligence.fish",
  ]);
}

async function readNames(call: AdminClient, kind: NameKind): Promise<readonly string[]> {
  if (kind === "models") return (await call("models.list")).data.map(({ id }) => id);
  const users = await readAllPages((after) => call("users.list", { query: { after } }));
  return users.map(({ username }) => username);
}
