import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Folders are for the user alone, as are files. */
const folderMode = 0o700;
const fileMode = 0o600;

/**
 * Replaces a file, or makes it: a reader sees the old text or the new one, never a part. A link stays a link, a file that is there keeps its mode.
 * @throws what the file system throws.
 */
export function replaceFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: folderMode });
  const target = realPathOf(path);
  const mode = modeOf(target) ?? fileMode;
  withTemporary(target, text, mode, (temporary) => renameSync(temporary, target));
}

/** Makes a file with its whole text, unless there is one. @returns whether it was made. @throws what the file system throws. */
export function createFile(path: string, text: string): boolean {
  mkdirSync(dirname(path), { recursive: true, mode: folderMode });
  return withTemporary(path, text, fileMode, (temporary) => {
    try {
      linkSync(temporary, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    }
    // A file system without hard links.
    try {
      copyFileSync(temporary, path, constants.COPYFILE_EXCL);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  });
}

function withTemporary<T>(target: string, text: string, mode: number, use: (temporary: string) => T): T {
  const temporary = `${target}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  try {
    const file = openSync(temporary, "wx", mode);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return use(temporary);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there yet.
    return path;
  }
}

function modeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mode;
}
