import { join } from "node:path";
import type { Disk } from "./disk.ts";

/*
 * The files of a journal lie in one directory: `<journal>.000001.wal`, `<journal>.000002.wal`, …, and `<journal>.lock`, held by the process that writes it.
 * A name is used once: it says when the process began and its id, and ends in something random.
 */
const segmentName = /^(.+)\.(\d{6,})\.wal$/;

/** @param random at least 0 and less than 1. */
export function createJournalName(startMs: number, pid: number, random: number): string {
  const time = new Date(startMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return `${time}-${pid}-${Math.floor(random * 36 ** 6)
    .toString(36)
    .padStart(6, "0")}`;
}

export function segmentPath(directory: string, journal: string, index: number): string {
  return join(directory, `${journal}.${String(index).padStart(6, "0")}.wal`);
}

export function lockPath(directory: string, journal: string): string {
  return join(directory, `${journal}.lock`);
}

/** Paths of the segments of each journal in the directory, in order. The journals are in the order of their names, which is by age. */
export function listJournals(disk: Disk, directory: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, { readonly path: string; readonly index: number }[]>();
  for (const name of disk.list(directory).toSorted()) {
    const [, journal, index] = segmentName.exec(name) ?? [];
    if (journal === undefined) continue;
    const segments = found.get(journal) ?? [];
    segments.push({ path: join(directory, name), index: Number(index) });
    found.set(journal, segments);
  }
  return new Map(
    [...found].map(([journal, segments]) => [journal, segments.toSorted((a, b) => a.index - b.index).map(({ path }) => path)]),
  );
}

/** Does nothing if the directory is not empty. */
export function removeEmptyDirectory(disk: Disk, directory: string): void {
  if (disk.list(directory).length > 0) return;
  try {
    disk.removeDirectory(directory);
  } catch {
    // Another process has just made a file there.
  }
}

/** Removes files, whether they exist or not. @returns those that could not be removed. */
export function removeFiles(disk: Disk, paths: readonly string[]): readonly string[] {
  return paths.filter((path) => {
    try {
      disk.remove(path);
      return false;
    } catch {
      return true;
    }
  });
}
