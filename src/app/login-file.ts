import { chmodSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { defaultConfigFolder } from "./config/config-path.ts";
import { replaceFile } from "./config/write-file.ts";

/** What `tokligence login` stores, for its user alone. */
export interface Login {
  readonly url: string;
  readonly username: string;
  readonly key_id: string;
  readonly key: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** `login.json` beside the standard configuration file. */
export function loginPath(env: Env = process.env, home = homedir()): string {
  const folder = defaultConfigFolder(env, home);
  if (folder === undefined) throw new Error("There is no home folder to store a login in. Set HOME or XDG_CONFIG_HOME.");
  return join(folder, "login.json");
}

/** `undefined`: nobody has logged in. */
export function readLogin(path = loginPath()): Login | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Login;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${path} cannot be read. Remove it, and log in again: tokligence login`, { cause: error });
  }
}

export function writeLogin(login: Login, path = loginPath()): void {
  replaceFile(path, `${JSON.stringify(login, null, 2)}\n`);
  // A file that was there keeps its mode.
  chmodSync(path, 0o600);
}

export function removeLogin(path = loginPath()): void {
  rmSync(path, { force: true });
}
