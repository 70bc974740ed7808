import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import { createControlSender, isNobodyThere } from "../control-client.ts";
import { hasColours } from "../logging/pretty-line.ts";
import { findRunning } from "./daemon-cli.ts";
import { terminalWidth } from "./output.ts";
import { ExitStatus } from "./run-program.ts";
import { colourStatus, isInOrder, renderStatus, type StatusFacts } from "./status-text.ts";

interface StatusOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
}

const everyMs = 2000;
/** Commands of the terminal: another screen without a cursor, and back. */
const enterScreen = "\u001b[?1049h\u001b[?25l";
const leaveScreen = "\u001b[?25h\u001b[?1049l";
/** To the upper left corner; the rest of a line, and of the screen, is cleared. */
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";

/** `tokligence status`: the health of the gateway. Exit status 1: something is degraded or down; 3: it does not run. */
export function addStatusCommand(program: Command, config: () => string | undefined): void {
  program
    .command("status")
    .description("health of the gateway, its database, journal and providers; exit 1 if something is not in order, 3 when stopped")
    .option("--watch", "show it live, until Ctrl-C")
    .option("--json", "print JSON; with --watch a line each time")
    .action(async ({ watch, json }: StatusOptions) => {
      const read = await createReader(config());
      if (watch === true) await watchStatus(read, json === true);
      else await printStatus(read, json === true);
    });
}

type Reader = () => Promise<StatusFacts | undefined>;

/** Reads the health over the control socket; `undefined`: no gateway runs. The socket is found even if the configuration cannot be used. */
async function createReader(config: string | undefined): Promise<Reader> {
  const { paths } = await findRunning(config);
  const send = createControlSender(paths.socket);
  return async () => {
    try {
      // By their paths: the contracts of all operations are many modules.
      const [health, { pid = 0, port = 0 }] = (await Promise.all([send("GET", "/api/v1/health"), send("GET", "/api/v1/status")])) as [
        OperationAnswer<"health.get">,
        OperationAnswer<"status.get">,
      ];
      return { health, pid, port, nowMs: Date.now() };
    } catch (error) {
      if (isNobodyThere(error)) return undefined;
      throw error;
    }
  };
}

async function printStatus(read: Reader, json: boolean): Promise<void> {
  const facts = await read();
  if (facts === undefined) {
    process.stdout.write(json ? `${JSON.stringify({ status: "stopped" }, null, 2)}\n` : "stopped\n");
    throw new ExitStatus(3);
  }
  process.stdout.write(json ? `${JSON.stringify(jsonOf(facts), null, 2)}\n` : screenOf(facts));
  if (!isInOrder(facts.health)) throw new ExitStatus(1);
}

function jsonOf({ health, pid, port }: StatusFacts): object {
  return { ...health, in_order: isInOrder(health), pid, port };
}

function screenOf(facts: StatusFacts): string {
  const screen = renderStatus(facts, terminalWidth());
  return hasColours(process.stdout) ? colourStatus(screen) : screen;
}

/** Shows the health every two seconds until the user ends it. The exit status is that of the last look. */
async function watchStatus(read: Reader, json: boolean): Promise<void> {
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  const hasScreen = !json && process.stdout.isTTY;
  if (hasScreen) process.stdout.write(enterScreen);
  let last: StatusFacts | undefined;
  try {
    while (!ended.signal.aborted) {
      last = await read();
      process.stdout.write(
        json ? `${JSON.stringify(last === undefined ? { status: "stopped" } : jsonOf(last))}\n` : frame(last, hasScreen),
      );
      await sleep(everyMs, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  } finally {
    if (hasScreen) process.stdout.write(leaveScreen);
  }
  if (last === undefined) throw new ExitStatus(3);
  if (!isInOrder(last.health)) throw new ExitStatus(1);
}

/** One look. In a terminal it takes the place of the one before, as far as the terminal is high. */
function frame(facts: StatusFacts | undefined, hasScreen: boolean): string {
  const text = facts === undefined ? "stopped\n" : screenOf(facts);
  if (!hasScreen) return text;
  const lines = [...text.trimEnd().split("\n"), "", `${new Date().toTimeString().slice(0, 8)}  Ctrl-C ends`];
  const rows = Math.max(1, process.stdout.rows - 1);
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`];
  return `${home}${shown.map((line) => `${line}${clearLine}`).join("\n")}\n${clearBelow}`;
}
