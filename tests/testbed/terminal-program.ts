import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { Screen } from "./screen.ts";
import { waitUntil } from "./wait-until.ts";

/** `script` of util-linux runs a program in a terminal of its own; other systems have one with other options. */
const program = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "script"))
  .find((file) => process.platform === "linux" && isExecutable(file));

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** For `skip`: why no program can be run in a terminal here; `false`: one can. */
export const withoutTerminal = program === undefined ? "`script` of util-linux is not in PATH" : false;

/** A program in a terminal. */
export interface TerminalProgram {
  readonly screen: Screen;
  /** All that it wrote, with escape sequences. */
  written(): string;
  /** Keys, as a terminal sends them. */
  type(keys: string): void;
  /** Waits until the screen has a text. */
  shows(text: string): Promise<void>;
  /** Waits until the screen is like a pattern, as one that ends with a prompt. */
  endsLike(pattern: RegExp): Promise<void>;
  /** The exit status, once it has ended. */
  readonly ended: Promise<number | null>;
  /** Ends it at once. */
  kill(): void;
}

/** Keys by name. */
export const keys = { enter: "\r", up: "\u001b[A", ctrlC: "\u0003", ctrlD: "\u0004" } as const;

/** What a terminal sends if a text is pasted. */
export const pasted = (text: string): string => `\u001b[200~${text}\u001b[201~`;

const limitMs = 20_000;

export function startInTerminal(options: {
  readonly command: readonly string[];
  readonly columns: number;
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}): TerminalProgram {
  const { command, columns, env, folder } = options;
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = spawn(program!, ["-qefc", `stty cols ${columns} rows 40; exec ${quoted}`, "/dev/null"], {
    cwd: folder,
    env: { TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const screen = new Screen(columns);
  let written = "";
  child.stdin.on("error", () => {});
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    screen.write(text);
  });
  let isOver = false;
  const ended = new Promise<number | null>((resolve) => {
    child.on("close", (code) => {
      isOver = true;
      resolve(code);
    });
  });
  const awaitScreen = async (wanted: string, isThere: () => boolean): Promise<void> => {
    const found = waitUntil(wanted, () => isThere() || isOver, limitMs);
    await found.catch((error: Error) => {
      throw new Error(`${error.message}, on a screen that shows\n${screen.text}`);
    });
    if (!isThere()) throw new Error(`It ended before it showed ${wanted}:\n${screen.text}`);
  };
  return {
    screen,
    written: () => written,
    type: (typed) => void child.stdin.write(typed),
    shows: (text) => awaitScreen(JSON.stringify(text), () => screen.text.includes(text)),
    endsLike: (pattern) => awaitScreen(String(pattern), () => pattern.test(screen.text)),
    ended,
    kill: () => void child.kill("SIGKILL"),
  };
}
