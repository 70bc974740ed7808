import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/** A commit of this repository as files, with its packages. */
export interface Checkout {
  /** As `git rev-parse --short` has it. */
  readonly commit: string;
  readonly root: string;
}

/**
 * Writes the files of a commit into a new folder. The packages are those of this tree if the lockfile is the same, otherwise `npm ci` installs its own.
 * @throws Error if this is no clone, or has no such commit.
 */
export function checkOut(name: string, folder: string): Checkout {
  const git = (...args: readonly string[]): string => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  const commit = git("rev-parse", "--short", "--verify", "--end-of-options", `${name}^{commit}`);
  mkdirSync(folder);
  git("archive", "--format=tar", `--output=${folder}.tar`, commit);
  execFileSync("tar", ["-xf", `${folder}.tar`, "-C", folder]);
  if (lockfileOf(folder) === lockfileOf(ROOT) && existsSync(join(ROOT, "node_modules"))) {
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  } else {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  }
  return { commit, root: folder };
}

function lockfileOf(root: string): string {
  return readFileSync(join(root, "package-lock.json"), "utf8");
}
