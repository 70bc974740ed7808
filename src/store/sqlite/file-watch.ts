import { statSync } from "node:fs";
import { StoreError } from "../store-error.ts";

/** Whether the files of an open database are still those that were opened. */
export interface SqliteFileWatch {
  /** What is wrong, in words for an operator. */
  readonly problem: string | undefined;
  inspect(): void;
  /** @throws StoreError `lost` while there is a problem: what is written now would be lost at the next start. */
  check(): void;
}

interface SeenFile {
  readonly path: string;
  /** Device and inode; `undefined` until the file has been seen. */
  id: string | undefined;
}

/**
 * Watches the database file, `-wal` and `-shm`. SQLite continues to write to files that were removed or moved away, so that their content is lost,
 * and to a `-wal` that does not belong to the database file any more. The files are never opened here: closing them would release SQLite's locks.
 */
export function createFileWatch(path: string): SqliteFileWatch {
  const files: readonly SeenFile[] = [path, `${path}-wal`, `${path}-shm`].map((file) => ({ path: file, id: undefined }));
  let emptied = false;
  let problem: string | undefined;

  const look = (file: SeenFile): string | undefined => {
    const stat = statSync(file.path, { throwIfNoEntry: false });
    if (stat === undefined) return file.id === undefined ? undefined : "was removed or moved away";
    const id = `${stat.dev}:${stat.ino}`;
    file.id ??= id;
    if (file.id !== id) return "was replaced by another file";
    if (file.path === path && stat.size === 0) emptied = true;
    return undefined;
  };
  const find = (): string | undefined => {
    for (const file of files) {
      const what = look(file);
      if (what !== undefined) return describe(file.path, what);
    }
    return emptied ? describe(path, "was emptied") : undefined;
  };
  const inspect = (): void => {
    problem = path === ":memory:" ? undefined : find();
  };
  inspect();
  return {
    get problem() {
      return problem;
    },
    inspect,
    check() {
      if (problem !== undefined) throw new StoreError("lost", problem);
    },
  };
}

function describe(file: string, what: string): string {
  return `The file ${file} ${what} while the gateway had it open. Put it back, or stop the gateway, put the right files in place, and start it again.`;
}
