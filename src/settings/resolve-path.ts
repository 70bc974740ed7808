import { isAbsolute, join, resolve } from "node:path";
import { ConfigError, createMessageProblem } from "./problems.ts";

/** Where paths start. */
export interface PathBase {
  /** "" if there is none. */
  readonly homeDir: string;
  /** The configuration file's folder. */
  readonly folder: string;
}

/** Makes a path absolute: `~` is the home folder, a relative one starts at the configuration file's folder. @throws ConfigError for `~` without a home folder. */
export function resolvePath(path: string, base: PathBase): string {
  if (base.homeDir === "" && /^~(?:[/\\]|$)/.test(path)) {
    const message = `the path "${path}" begins at the home folder, and there is none (HOME is not set): give an absolute one`;
    throw new ConfigError([createMessageProblem(undefined, path.endsWith("gateway.db") ? ["database", "path"] : [], message)]);
  }
  if (path === "~") return base.homeDir;
  if (/^~[/\\]/.test(path)) return join(base.homeDir, path.slice(2));
  return isAbsolute(path) ? path : resolve(base.folder, path);
}
