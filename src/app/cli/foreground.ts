import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { followFile } from "../logging/follow-file.ts";
import { hasColours, parseLogLine, prettyLine, type LogLine } from "../logging/pretty-line.ts";

/** Nobody can read a terminal that scrolls faster than this. */
const maxLinesPerSecond = 50;
/** Of the lines that came since the last look, a fraction of a second ago, more are not parsed: under load that costs more than a twentieth of each request. */
const mostLinesPerLook = 50;

/**
 * Shows the new lines of the gateway's log that are meant for people: requests, reloads, warnings and errors. It is read from the file, as several
 * processes write it. @returns ends it, after what is in the file by then.
 */
export function showActivity(logFile: string | undefined): () => void {
  if (logFile === undefined) return () => {};
  const colours = hasColours(process.stdout);
  let second = 0;
  let shown = 0;
  let left = 0;
  const show = (line: LogLine): void => {
    const now = Math.floor(line.time / 1000);
    if (now !== second) {
      if (left > 0) process.stdout.write(`… and ${left} more\n`);
      [second, shown, left] = [now, 0, 0];
    }
    if (shown < maxLinesPerSecond) {
      shown++;
      process.stdout.write(`${prettyLine(line, { colours, ids: process.stdout.columns >= 120 })}\n`);
    } else left++;
  };
  const follower = followFile({
    file: logFile,
    from: statSync(logFile, { throwIfNoEntry: false })?.size ?? 0,
    mostLines: mostLinesPerLook,
    onSkipped(lines) {
      left += lines;
    },
    onLine(text) {
      const line = parseLogLine(text);
      if (line !== undefined && isForPeople(line)) show(line);
    },
  });
  return () => follower.stop();
}

const shownMessages = new Set(["request", "configuration reloaded", "a new gateway serves; this one finishes its answers"]);

function isForPeople({ level, msg }: LogLine): boolean {
  return level >= 40 || shownMessages.has(msg);
}

export interface KeyActions {
  readonly url: string;
  readonly reload: () => void;
  readonly end: () => void;
}

/** Reads single keys from the terminal, if there is one. @returns gives the terminal back. */
export function readKeys(actions: KeyActions): () => void {
  const { stdin } = process;
  if (!stdin.isTTY || !process.stdout.isTTY) return () => {};
  stdin.setRawMode(true);
  stdin.resume();
  const onData = (data: Buffer): void => {
    for (const key of data.toString()) pressKey(key, actions);
  };
  stdin.on("data", onData);
  return () => {
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

/** `o` opens the page, `r` reloads, `q` and Ctrl-C end, `?` helps; others do nothing. */
export function pressKey(key: string, { url, reload, end }: KeyActions): void {
  switch (key) {
    case "o":
      openPage(url);
      break;
    case "r":
      reload();
      break;
    case "q":
    case "\u0003":
      end();
      break;
    case "?":
    case "h":
      process.stdout.write(`o opens ${url}, r reads the configuration again, q ends the gateway\n`);
      break;
    default:
  }
}

/** Without a browser, as on a server, the address is enough. */
function openPage(url: string): void {
  const commands: { readonly [P in NodeJS.Platform]?: readonly [string, ...string[]] } = {
    darwin: ["open"],
    win32: ["cmd", "/c", "start", ""],
  };
  const [command, ...args] = commands[process.platform] ?? ["xdg-open"];
  const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
  child.on("error", () => process.stdout.write(`open ${url} in a browser\n`));
  child.unref();
}
