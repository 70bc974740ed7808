import { isRunning } from "../src/core/is-running.ts";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Linux has a file system in memory. */
const memory = "/dev/shm";
/** The tests need less than a tenth of it. A container often has 64 MB there. */
const neededBytes = 4 * 2 ** 30;
const namePattern = /^tokligence-tests-(\d+)-/;

/**
 * Makes the folder that a run's processes use as their `TMPDIR`: in memory if there is room. The tests make about a hundred databases; on a disk, making their
 * files costs more computing than the tests themselves.
 * @param parent for tests
 */
export function createTestFolder(parent: string = hasRoom(memory) ? memory : tmpdir()): {
  readonly path: string;
  readonly remove: () => void;
} {
  for (const name of readdirSync(parent)) {
    const pid = namePattern.exec(name)?.[1];
    // Left by a run that was killed.
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const path = mkdtempSync(join(parent, `tokligence-tests-${process.pid}-`));
  // PostgreSQL refuses to run as root; the user that it is run as must get to its own folder in this one.
  chmodSync(path, 0o711);
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }) };
}

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= neededBytes;
  } catch {
    // Not Linux.
    return false;
  }
}
