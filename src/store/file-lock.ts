import { DatabaseSync } from "node:sqlite";

/** A lock that the operating system takes back when its holder dies, however it dies. */
export interface FileLock {
  release(): void;
}

/**
 * Takes the lock that the file stands for; `undefined` where another process holds it. It is SQLite's own file lock, the one portable advisory lock
 * that Node has: no stale lock is left behind, and of two that try at once exactly one gets it.
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
