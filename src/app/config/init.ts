import { existsSync } from "node:fs";
import { findHomeFolder } from "./config-path.ts";
import { findPlace } from "./load.ts";
import type { Env } from "./expand-text.ts";
import { renderConfigFile, type DetectedServer } from "./template.ts";
import { createFile } from "./write-file.ts";

export interface InitInput {
  /** By default `config.yaml` in `~/.config/tokligence`. */
  readonly path?: string;
  /** Servers on this machine, to be written as providers. */
  readonly detected?: readonly DetectedServer[];
  /** Only look whether there is a file. */
  readonly dryRun?: boolean;
  readonly env?: Env;
  readonly homeDir?: string;
}

export interface InitResult {
  /** `false`: there was a file, and it is as it was. */
  readonly created: boolean;
  /** Absolute. */
  readonly path: string;
}

/** Writes a commented configuration file if there is none: mode 0600, in a folder of mode 0700 if that is missing too. @throws what the file system throws. */
export function initConfig({
  path,
  detected = [],
  dryRun = false,
  env = process.env,
  homeDir = findHomeFolder(),
}: InitInput = {}): InitResult {
  const place = findPlace({ ...(path === undefined ? {} : { path }), env, homeDir });
  if (dryRun) return { created: !existsSync(place.path), path: place.path };
  return { created: createFile(place.path, renderConfigFile({ detected })), path: place.path };
}
