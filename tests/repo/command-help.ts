import { runDaemonCli } from "../../src/app/cli/daemon-main.ts";
import { runCli } from "../../src/app/cli/main.ts";
import type { CommandLine } from "./snippets.ts";

/** The help of each command that was asked for. */
const known = new Map<string, string>();

/** What `run` prints to stdout. */
async function printed(run: () => Promise<number>): Promise<string> {
  const { stdout } = process;
  const write = stdout.write.bind(stdout);
  let text = "";
  stdout.write = (data: string) => {
    text += data;
    return true;
  };
  try {
    await run();
  } finally {
    stdout.write = write;
  }
  return text;
}

async function readHelp(program: CommandLine["program"], path: readonly string[]): Promise<string> {
  const key = [program, ...path].join(" ");
  const found = known.get(key);
  if (found !== undefined) return found;
  const args = [...path, "--help"];
  const help = await printed(() => (program === "tokligence" ? runCli(args) : runDaemonCli(args, "tokligence-daemon")));
  known.set(key, help);
  return help;
}

/** The help of the command that a command line names, and of the programs above it. `undefined`: there is no such command. */
export async function helpOf(
  program: CommandLine["program"],
  words: readonly string[],
): Promise<{ readonly path: readonly string[]; readonly help: string | undefined }> {
  let help = await readHelp(program, []);
  const all = [help];
  const path: string[] = [];
  for (const word of words) {
    if (!/\n {2,4}\S/.test(help) || !help.includes("\nCommands:")) break;
    if (word.startsWith("-")) continue;
    const commands = help.slice(help.indexOf("\nCommands:"));
    if (!new RegExp(`^ {2}${RegExp.escape(word)}(?:[ |]|$)`, "m").test(commands)) {
      // A value of an option, or a word that is no command.
      if (path.length === 0 && words.indexOf(word) > 0) continue;
      // A command that takes a value has its own commands beside it.
      if (/^Usage: .* [<[](?!options\]|command\])/m.test(help)) break;
      return { path, help: undefined };
    }
    path.push(word);
    help = await readHelp(program, path);
    all.push(help);
  }
  return { path, help: all.join("\n") };
}
