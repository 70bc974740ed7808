import { chmodSync, closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { retryWhileBusy } from "./error.ts";
import { addFunctions } from "./functions.ts";
import { explainSqliteError, StoreError } from "../store-error.ts";

const inMemory = ":memory:";

/**
 * Opens the file, or makes it: mode 0600 whatever the umask, in a folder that is made with 0700 if it is missing. SQLite gives `-wal` and `-shm` the
 * mode of the database file. The settings: write-ahead log; synchronous NORMAL (a crash of the process loses nothing, a power cut at most the last
 * commits, which the ledger's journal replays); foreign keys on.
 * @throws StoreError that says what to do.
 */
export async function openSqliteFile(path: string, busyTimeoutMs: number): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined;
  try {
    if (path !== inMemory) makeFile(path);
    const opened = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 0 });
    database = opened;
    // The switch to WAL needs the whole file for a moment, and SQLite does not call its busy handler for it.
    const journal = await retryWhileBusy(busyTimeoutMs, () => opened.prepare("pragma journal_mode = wal").get()?.["journal_mode"]);
    if (path !== inMemory && journal !== "wal") {
      throw new StoreError(
        "wal_unavailable",
        `The database ${path} cannot use a write-ahead log. Put it on a local disk: network file systems do not carry it.`,
      );
    }
    // Only now is the file known to be a database. So a wrong path does not change the mode of another file.
    if (path !== inMemory) tightenAll(path);
    // With recursive triggers, REPLACE fires the delete triggers, so it cannot rewrite an append-only row.
    opened.exec("pragma synchronous = normal; pragma recursive_triggers = on");
    addFunctions(opened);
    return opened;
  } catch (error) {
    database?.close();
    throw explainSqliteError(error, path);
  }
}

/** Made here, because SQLite would make the file with the umask's mode. */
function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
}

/** A file from elsewhere may be readable by all, and its `-wal` and `-shm` with it. */
function tightenAll(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined && isShared(stat.mode)) tighten(file);
  }
}

function isShared(mode: number): boolean {
  return process.platform !== "win32" && (mode & 0o077) !== 0;
}

function tighten(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    // Only the owner can change the mode. If the file belongs to another user, that user gave the gateway access on purpose.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) throw error;
  }
}
