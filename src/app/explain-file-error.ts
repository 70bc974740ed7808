import { messageOf } from "../core/index.ts";

const unwritable = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "not permitted"],
  ["EROFS", "the file system is read-only"],
  ["ENOTDIR", "a part of the path is no folder"],
  ["ENOENT", "there is no such folder, and it cannot be made"],
]);

const unreadable = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "it is a folder"],
  ["EACCES", "permission denied"],
  ["ENOTDIR", "a part of the path is no folder"],
]);

/** Why a file that the user names cannot be read, as in `there is no such file`. */
export function whyUnreadable(error: unknown): string {
  return unreadable.get((error as NodeJS.ErrnoException).code ?? "") ?? messageOf(error);
}

/** Why a folder or file of the gateway cannot be written, with what to do. Anything else is given back as it is. */
export function explainFileError(error: unknown): unknown {
  const { code, path, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : unwritable.get(code);
  // A socket's path is in `address`; a read is explained where it is made.
  if (reason === undefined || path === undefined || (syscall !== "mkdir" && syscall !== "open")) return error;
  return new Error(
    `${path} cannot be written: ${reason}. Name a configuration file with --config, and in it, as database.path, a file in a folder that this user can write ` +
      "(or set TOKLIGENCE_DATABASE_PATH).",
    { cause: error },
  );
}
