import { closeSync, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/*
 * V8's compiled code of the executable, in the user's cache folder. It is code: another user who can write it can run programs as this user, so it is
 * read only if nobody else can. If it is missing or cannot be used, the program compiles its source.
 */

export interface CachePlace {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Names the program, Node and the machine: `0.1.0-3f2a…-26.10.0-linux-x64`. */
  readonly name: string;
}

/** The file of the cache; its folder is the gateway's own. */
export function codeCacheFile({ platform, env, home, name }: CachePlace): string {
  return join(cacheFolder(platform, env, home), "tokligence", `${name}.bin`);
}

function cacheFolder(platform: NodeJS.Platform, env: NodeJS.ProcessEnv, home: string): string {
  if (platform === "win32") return env["LOCALAPPDATA"] ?? join(home, "AppData", "Local");
  const named = env["XDG_CACHE_HOME"];
  // An empty or a relative one is to be ignored (XDG Base Directory Specification).
  if (named?.startsWith("/") === true) return named;
  return platform === "darwin" ? join(home, "Library", "Caches") : join(home, ".cache");
}

/** @param uid of this user; `undefined` on Windows, where the folder is in the user's profile. @returns `undefined` if there is none, or others could have written it. */
export function readCodeCache(file: string, uid: number | undefined): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    if (!isOwnOnly(lstatSync(dirname(file)), "folder", uid) || !isOwnOnly(lstatSync(file), "file", uid)) return undefined;
    descriptor = openSync(file, "r");
    return isOwnOnly(fstatSync(descriptor), "file", uid) ? readFileSync(descriptor) : undefined;
  } catch {
    return undefined; // It is not there, or cannot be read.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Replaces the file whole. A folder that others may write is left alone. Never throws. */
export function writeCodeCache(file: string, data: Uint8Array, uid: number | undefined): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    if (!isOwnOnly(lstatSync(dirname(file)), "folder", uid)) return;
    writeFileSync(draft, data, { mode: 0o600, flag: "wx" });
    renameSync(draft, file);
  } catch {
    // A cache folder that cannot be written, or a full disk: the next start compiles again.
    rmSync(draft, { force: true });
  }
}

interface Stat {
  readonly mode: number;
  readonly uid: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

function isOwnOnly(stat: Stat, kind: "file" | "folder", uid: number | undefined): boolean {
  if (!(kind === "file" ? stat.isFile() : stat.isDirectory())) return false;
  return uid === undefined || (stat.uid === uid && (stat.mode & 0o077) === 0);
}
