import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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

/** In files beside the database, one for each process: `gateway.audit-waiting-4711.jsonl`. @param stem the path up to the number. */
export function createWaitingFiles(stem: string, pid = process.pid, isAlive = isRunning): WaitingEntries {
  const own = `${stem}-${pid}.jsonl`;
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
      const prefix = `${basename(stem)}-`;
      const left = readdirSync(dirname(stem))
        .filter((name) => name.startsWith(prefix) && name.endsWith(".jsonl"))
        .filter((name) => {
          const holder = Number(name.slice(prefix.length, -".jsonl".length));
          // In a container a new process often has the number of the one before.
          return holder === pid || !isAlive(holder);
        })
        .map((name) => join(dirname(stem), name));
      const entries = left.flatMap((path) => readEntries(path)).toSorted((one, other) => one.timeMs - other.timeMs);
      if (left.length > 0) save(entries);
      for (const path of left) if (path !== own) rmSync(path, { force: true });
      return entries;
    },
  };
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
