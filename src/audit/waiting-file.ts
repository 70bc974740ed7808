import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { isRunning } from "../core/index.ts";
import type { NewEntry } from "./append.ts";

export type WaitingEntry = NewEntry & { readonly timeMs: number };

/** Keeps entries that wait for the database, so that they survive the end of their process. */
export interface WaitingEntries {
  /** Those that processes which have ended have left. They are this process's from now on. @throws what the file system throws. */
  take(): readonly WaitingEntry[];
  /** Replaces what this process has kept; an empty list removes it. @throws what the file system throws. */
  save(entries: readonly WaitingEntry[]): void;
}

/** A process and its machine. */
export interface WaitingOwner {
  readonly host: string;
  readonly pid: number;
  /** Whether a process of this machine runs. */
  readonly isAlive: (pid: number) => boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const thisProcess: WaitingOwner = { host: hostname(), pid: process.pid, isAlive: isRunning, now: Date.now };

/** A file of another machine that was not written for this time belongs to nobody any more: `save` is called at least each minute. */
const staleMs = 10 * 60_000;

/**
 * In files beside the database, one for each process: `gateway.audit-waiting-HOST-4711.jsonl`. Containers that share the folder have equal numbers of processes, and names of
 * hosts that differ.
 * @param stem the path up to the host.
 */
export function createWaitingFiles(stem: string, owner: WaitingOwner = thisProcess): WaitingEntries {
  const host = owner.host.replaceAll(/[^A-Za-z0-9.-]/g, "_");
  const own = `${stem}-${host}-${owner.pid}.jsonl`;
  const save = (entries: readonly WaitingEntry[]): void => {
    if (entries.length === 0) {
      rmSync(own, { force: true });
      return;
    }
    writeFileSync(`${own}.new`, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""), { mode: 0o600 });
    renameSync(`${own}.new`, own);
  };
  return {
    save,
    take() {
      const left = findLeft(stem, { ...owner, host }).flatMap((path, number) =>
        claim(path, `${own.slice(0, -".jsonl".length)}.${number}.jsonl`),
      );
      const entries = left.flatMap((path) => readEntries(path)).toSorted((one, other) => one.timeMs - other.timeMs);
      if (left.length > 0) save(entries);
      for (const path of left) rmSync(path, { force: true });
      return entries;
    },
  };
}

/** The paths of files whose processes have ended. */
function findLeft(stem: string, { host, pid, isAlive, now }: WaitingOwner): readonly string[] {
  const prefix = `${basename(stem)}-`;
  const folder = dirname(stem);
  return readdirSync(folder).flatMap((name) => {
    if (!name.startsWith(prefix)) return [];
    // Without a host: of an earlier version. With a number behind: claimed by a process that has died before it had read it.
    const found = /^(?:(.+)-)?(\d+)(?:\.\d+)?\.jsonl$/.exec(name.slice(prefix.length));
    if (found === null) return [];
    const path = join(folder, name);
    const holder = Number(found[2]);
    if ((found[1] ?? host) !== host) return now() - statSync(path).mtimeMs > staleMs ? [path] : [];
    // In a container a new process often has the number of the one before.
    return holder === pid || !isAlive(holder) ? [path] : [];
  });
}

/** Of several processes that start at once, one gets a file. */
function claim(path: string, claimed: string): readonly string[] {
  try {
    renameSync(path, claimed);
    return [claimed];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** A line that is no entry, as of a damaged file, must not keep the other ones from the database: the file is then copied to `….unreadable`. */
function readEntries(path: string): readonly WaitingEntry[] {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const entries = lines.flatMap((line) => parseEntry(line) ?? []);
  if (entries.length < lines.length) copyFileSync(path, `${path}.unreadable`);
  return entries;
}

function parseEntry(line: string): WaitingEntry | undefined {
  try {
    const value = JSON.parse(line) as Partial<WaitingEntry> | null;
    return typeof value?.timeMs === "number" && typeof value.action === "string" ? (value as WaitingEntry) : undefined;
  } catch {
    return undefined;
  }
}
