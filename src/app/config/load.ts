import { readFileSync, statSync } from "node:fs";
import { messageOf } from "../../core/index.ts";
import { checkSettings } from "./check-settings.ts";
import { ConfigError, createMessageProblem, type Origin, type Tree } from "../../settings/index.ts";
import { hasReference, type Env } from "./expand-text.ts";
import { listSources, readLayers, type Change, type Layers } from "./layers.ts";
import { placeOf, type Place } from "./place.ts";
import { nodeAt } from "./schema-tree.ts";
import type { Settings } from "./settings.ts";
import { getAt, setAt, valuesOf } from "./tree.ts";

export interface LoadInput {
  /** `--config`; by default `config.yaml` in `~/.config/tokligence`. */
  readonly path?: string;
  /** What the file held when it was read: used in place of the file as it is now. */
  readonly text?: string;
  readonly env?: Env;
  /** From the command line, by path: `{"gateway.port": "9000"}`. */
  readonly overrides?: Readonly<Record<string, unknown>>;
  readonly homeDir?: string;
  readonly platform?: NodeJS.Platform;
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** The file's absolute path, whether it is there or not. */
  readonly path: string;
  readonly found: boolean;
  /** The content of the file; `undefined` if there is no file. */
  readonly text: string | undefined;
  /** One sentence each, for the log. */
  readonly warnings: readonly string[];
  /** Where each value that is not a default was written, by path: `gateway.port`. */
  readonly sources: ReadonlyMap<string, Origin>;
}

/**
 * Reads the configuration: the file, the environment over it, arguments over that, all over the defaults. Without a file the defaults hold, unless a
 * path was given.
 * @throws ConfigError with all that is wrong.
 */
export function loadSettings(input: LoadInput = {}): LoadedSettings {
  const place = findPlace(input);
  const file = input.text === undefined ? readConfigFile(place) : { text: input.text, mode: 0 };
  const { layers, settings, warnings } = settle({ ...place, text: file?.text, overrides: input.overrides ?? {}, changes: [] });
  return {
    settings,
    path: place.path,
    found: file !== undefined,
    text: file?.text,
    warnings: [...warnings, ...modeWarning(place, file, layers.fileTree)],
    sources: listSources(layers),
  };
}

/** @throws ConfigError if there is neither a path nor a home folder. */
export function findPlace(input: LoadInput): Place {
  const place = placeOf(input);
  if (place !== undefined) return place;
  const message = "there is no home folder (HOME is not set): give the configuration file with --config, with database.path in it";
  throw new ConfigError([createMessageProblem(undefined, [], message)]);
}

interface ConfigFile {
  readonly text: string;
  readonly mode: number;
}

const largestFile = 4 * 2 ** 20;

/** @returns `undefined` if there is no file and the caller names none. @throws ConfigError */
export function readConfigFile({ path, given }: Pick<Place, "path" | "given">): ConfigFile | undefined {
  const refuse = (message: string): ConfigError => new ConfigError([createMessageProblem(undefined, [], `${path}: ${message}`)]);
  let bytes: Buffer;
  let mode: number;
  try {
    const stats = statSync(path);
    if (stats.size > largestFile) throw refuse("larger than any configuration; is this the right file?");
    mode = stats.mode;
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" && !given) return undefined;
    if (code === "ENOENT") throw refuse("there is no such file; `tokligence init` with the same --config writes one");
    throw refuse(code === "EISDIR" ? "a folder, not a file" : `the file cannot be read: ${messageOf(error)}`);
  }
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), mode };
  } catch {
    throw refuse("not a text in UTF-8");
  }
}

interface SettleInput extends Place {
  readonly text: string | undefined;
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly changes: readonly Change[];
}

/** Layers, put together and checked. @throws ConfigError */
export function settle(input: SettleInput): { readonly layers: Layers; readonly settings: Settings; readonly warnings: readonly string[] } {
  const layers = readLayers({ ...input, file: input.path });
  // The database lies in the folder of the user's configuration, wherever that is.
  if ((getAt(layers.tree, ["database", "path"]) ?? null) === null && isMapOrNothing(layers.tree)) {
    setAt(layers.tree, ["database", "path"], input.defaultDatabase);
  }
  const checked = checkSettings(layers, input.env, input.base);
  if (checked.problems !== undefined) throw new ConfigError(checked.problems, layers.warnings);
  return { layers, settings: checked.settings, warnings: checked.warnings };
}

/** A section that is no map is a mistake to be reported, not to be written over. */
function isMapOrNothing(tree: Tree): boolean {
  const section = tree["database"];
  return section === undefined || section === null || (typeof section === "object" && !Array.isArray(section));
}

function modeWarning({ path, platform }: Place, file: ConfigFile | undefined, fileTree: Tree): string[] {
  if (file === undefined || platform === "win32" || (file.mode & 0o044) === 0 || !hasSecret(fileTree)) return [];
  const mode = (file.mode & 0o777).toString(8);
  return [
    `${path}: other users can read this file (mode ${mode}), and it may contain a key or a password; chmod 600 it, or write \${VARIABLE} in its place`,
  ];
}

function hasSecret(tree: Tree): boolean {
  for (const [path, value] of valuesOf(tree)) {
    const node = nodeAt(path);
    const isSecret = node?.type === "leaf" && node.sensitive && node.kind !== "urls";
    if (isSecret && typeof value === "string" && value !== "" && !hasReference(value)) return true;
  }
  return false;
}
