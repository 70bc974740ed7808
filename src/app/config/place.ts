import { dirname, join, resolve } from "node:path";
import type { PathBase } from "../../settings/index.ts";
import { defaultConfigFolder, findHomeFolder } from "./config-path.ts";
import type { Env } from "./expand-text.ts";

/** Where configuration is looked for, and what it is read against. */
export interface Place {
  readonly path: string;
  /** Given by the user, so that it must be there. */
  readonly given: boolean;
  readonly env: Env;
  readonly base: PathBase;
  readonly defaultDatabase: string;
  readonly platform: NodeJS.Platform;
}

export interface PlaceInput {
  readonly path?: string;
  readonly env?: Env;
  readonly homeDir?: string;
  readonly platform?: NodeJS.Platform;
}

/** `undefined`: there is neither a path nor a home folder. */
export function placeOf(input: PlaceInput): Place | undefined {
  const { path, env: given = process.env, homeDir = findHomeFolder(), platform = process.platform } = input;
  const env = platform === "win32" ? Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toUpperCase(), value])) : given;
  const folder = defaultConfigFolder(env, homeDir);
  if (path === undefined && folder === undefined) return undefined;
  const absolute = resolve(path ?? join(folder ?? "", "config.yaml"));
  return {
    path: absolute,
    given: path !== undefined,
    env,
    base: { homeDir, folder: dirname(absolute) },
    defaultDatabase: join(folder ?? "~", "gateway.db"),
    platform,
  };
}
