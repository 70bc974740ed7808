import { statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { fine, problem, warning, type Finding } from "./finding.ts";

const gibibyte = 1024 ** 3;
const lowBytes = gibibyte;
const emptyBytes = gibibyte / 10;

/** Room for the database and its journal: without it, requests are refused. */
export function checkDisk(folder: string, freeBytes: (path: string) => number = readFreeBytes): Finding {
  let free: number;
  try {
    free = freeBytes(existingPart(folder));
  } catch {
    return warning("disk", `how much room is left for ${folder} cannot be read`);
  }
  const text = `${(free / gibibyte).toFixed(1)} GiB free for ${folder}`;
  const remedy = "make room, or set database.path to another disk";
  if (free < emptyBytes) return problem("disk", text, remedy);
  return free < lowBytes ? warning("disk", text, remedy) : fine("disk", text);
}

function readFreeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** The folder, or the nearest above it that is there. */
function existingPart(folder: string): string {
  let path = folder;
  while (statSync(path, { throwIfNoEntry: false }) === undefined && dirname(path) !== path) path = dirname(path);
  return path;
}

/** This program did not exist before. */
const earliestMs = Date.UTC(2026, 0, 1);
const toleranceMs = 5 * 60_000;

/** A clock that is behind expires no keys, and puts usage on the wrong day. `lastWriteMs`: when the database was written last, if it is a file. */
export function checkClock(nowMs: number, lastWriteMs: number | undefined): Finding {
  const text = new Date(nowMs).toISOString();
  const remedy = "set the clock, as by a time service: timedatectl set-ntp true";
  if (nowMs < earliestMs) return problem("clock", `${text} is before this program was made`, remedy);
  if (lastWriteMs !== undefined && lastWriteMs > nowMs + toleranceMs) {
    return problem("clock", `${text} is before the last change of the database (${new Date(lastWriteMs).toISOString()})`, remedy);
  }
  return fine("clock", text);
}

export function lastWriteOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** Whether the gateway could listen, if it does not run. */
export async function checkPort(host: string, port: number): Promise<Finding> {
  const code = await listenOnce(host === "localhost" ? "127.0.0.1" : host, port);
  const place = `${host}:${port}`;
  switch (code) {
    case undefined:
      return {
        name: "port",
        state: "info",
        message: `${place} is free; the gateway is not running`,
        remedy: "tokligence start --background",
      };
    case "EADDRINUSE":
      return problem("port", `${place} is in use by another program`, "tokligence start --port ANOTHER, or set gateway.port");
    case "EACCES":
      return problem("port", `${place} may not be used by this user`, "set gateway.port to one above 1023");
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return problem("port", `${host} is no address of this machine`, "set gateway.host to localhost or 0.0.0.0");
    default:
      return warning("port", `${place} cannot be used: ${code}`);
  }
}

/** @returns the code of the error; `undefined`: it can be used. */
async function listenOnce(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen(port, host, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
