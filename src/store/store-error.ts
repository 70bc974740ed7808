/** Why a database could not do what it was asked to, if an operator has to act. */
export type StoreErrorReason =
  | "damaged"
  | "unwritable"
  | "full"
  | "busy"
  | "io_error"
  | "wal_unavailable"
  | "newer_schema"
  | "migration_failed"
  | "unreachable"
  | "untrusted"
  | "denied"
  | "missing"
  | "unavailable"
  | "lost";

/** A fault of the database, not of the query. The message names the database and says what to do; it contains no data. */
export class StoreError extends Error {
  readonly reason: StoreErrorReason;

  constructor(reason: StoreErrorReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreError";
    this.reason = reason;
  }
}

/** @param place a SQLite file's path, or a database's name and server. */
export function newerSchema(place: string, version: number, newest: number): StoreError {
  return new StoreError(
    "newer_schema",
    `The database ${place} has schema version ${version}, and this program knows versions up to ${newest}. Install the newer program again, or restore a backup from before it was installed.`,
  );
}

/** Primary result codes of SQLite (sqlite.org/rescode.html, read 2026-11-23); the low byte of an extended code. */
const busy = 5;
const readonly = 8;
const ioError = 10;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notDatabase = 26;

/** Whether another connection has a lock that the statement needs. */
export function isSqliteBusy(error: unknown): boolean {
  return sqliteCode(error) === busy;
}

/**
 * Turns an error of SQLite or the file system into a `StoreError` if the cause is the database, its file or its disk. Any other error (a constraint,
 * a mistake in a query) is returned unchanged.
 */
export function explainSqliteError(error: unknown, path: string): unknown {
  if (error instanceof StoreError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  switch (sqliteCode(error)) {
    case busy:
      return new StoreError(
        "busy",
        `The database ${path} is locked by another process. Find the process that keeps it open for writing (for example with "fuser ${path}") and end it.`,
        error,
      );
    case corrupt:
    case notDatabase:
      return new StoreError(
        "damaged",
        `The file ${path} is damaged or not a SQLite database (${detail}). Stop the gateway, then restore the file from a backup, or move it away to start with an empty one.`,
        error,
      );
    case full:
      return new StoreError("full", `The disk that holds the database ${path} is full. Free some space.`, error);
    case readonly:
    case cannotOpen:
      return unwritable(path, detail, error);
    case ioError:
      return new StoreError(
        "io_error",
        `Reading or writing the database ${path} failed (${detail}). Check the disk and the file system it is on.`,
        error,
      );
    default:
      return isFileError(error) ? unwritable(path, detail, error) : error;
  }
}

function unwritable(path: string, detail: string, cause: unknown): StoreError {
  return new StoreError(
    "unwritable",
    `The database ${path} cannot be opened for writing (${detail}). Check that the path is right, and that the gateway's user may write to the file and to its folder.`,
    cause,
  );
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
