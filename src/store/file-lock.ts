import { DatabaseSync } from "node:sqlite";

/** A lock that the operating system releases when its holder exits, also after a crash. */
export interface FileLock {
  release(): void;
}

/**
 * Takes the lock that the file represents; `undefined` if another process has it. It uses SQLite's own file lock, the one portable advisory lock that
 * Node offers: no stale lock is left behind, and if two processes try at once, exactly one gets it.
 */
export function takeFileLock(path: string): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined;
    throw error;
  }
}
