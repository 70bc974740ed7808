import { chmodSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Logger } from "../core/index.ts";

/**
 * Takes rights away from a file or folder that others have on it, and logs that. Does nothing if there is no such file, and on Windows.
 * @param taken the rights that only the owner may have, e.g. 0o077.
 * @throws the system's error, if this user may not.
 */
function tighten(path: string, taken: number, logger: Logger): void {
  if (process.platform === "win32") return;
  const stat = statSync(path, { throwIfNoEntry: false });
  // A log may go to a device, which is everybody's.
  if (stat === undefined || !(stat.isFile() || stat.isDirectory()) || (stat.mode & taken) === 0) return;
  const { mode } = stat;
  chmodSync(path, mode & 0o777 & ~taken);
  logger.warn(
    { file: path, mode: (mode & 0o777).toString(8) },
    "other users of the machine had rights on a file of the gateway; they were taken away",
  );
}

export interface OwnFiles {
  /** The database file; `-wal` and `-shm` lie beside it. */
  readonly database: string;
  readonly journal: string;
  /** `undefined`: the log has no file. */
  readonly log: string | undefined;
}

/** The journal's folder and files beside the database are for this user alone; a log file elsewhere may be read by others. @throws the system's error. */
export function tightenAll({ database, journal, log }: OwnFiles, logger: Logger): void {
  for (const file of [database, `${database}-wal`, `${database}-shm`, journal]) tighten(file, 0o077, logger);
  if (log !== undefined) tighten(log, dirname(log) === dirname(database) ? 0o077 : 0o022, logger);
}
