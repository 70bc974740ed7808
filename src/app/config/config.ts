import type { Change, Layers } from "./layers.ts";
import { envNameOf, writeValue } from "./environment.ts";
import { editYaml } from "./edit-yaml.ts";
import { isTrueText, ConfigError, createMessageProblem, resolvePath, isTree, type Tree, type Value } from "../../settings/index.ts";
import { findPlace, readConfigFile, settle, type LoadInput } from "./load.ts";
import type { Place } from "./place.ts";
import { fixedLeaves, nodeAt, providerLeaves, type LeafAt, type SchemaNode } from "./schema-tree.ts";
import type { Settings } from "./settings.ts";
import { getAt, mergeTrees, parsePath, setAt } from "./tree.ts";
import { replaceFile } from "./write-file.ts";

/** A setting's place: `gateway.port`, or `["providers", "my.server", "api_key"]` if a name contains a dot. */
export type SettingPath = string | readonly string[];

/**
 * The configuration for programs: read, change, write back. Values are as the file has them. The environment replaces values of the file, and
 * the program's own values replace both.
 */
export class Config {
  readonly #place: Place;
  readonly #overrides: Readonly<Record<string, unknown>>;
  #text: string | undefined;
  #changes: readonly Change[] = [];
  #layers: Layers;
  #settings: Settings;

  /** `save` makes the file if it does not exist. @throws ConfigError if the file cannot be used. */
  constructor(input: LoadInput = {}) {
    this.#place = findPlace(input);
    this.#overrides = input.overrides ?? {};
    this.#text = input.text ?? readConfigFile({ path: this.#place.path, given: false })?.text;
    ({ layers: this.#layers, settings: this.#settings } = this.#settle(this.#changes));
  }

  /** The file's absolute path. */
  get path(): string {
    return this.#place.path;
  }

  /** All of it, checked and typed. @internal */
  get settings(): Settings {
    return this.#settings;
  }

  /** A setting or a section, defaults included; `fallback` if there is none. A key is its plain text: keep it secret. */
  get(path: SettingPath): unknown;
  get<T>(path: SettingPath, fallback: T): T;
  get(path: SettingPath, fallback?: unknown): unknown {
    const at = toPath(path);
    const value = getAt(mergeTrees(defaults(), this.#layers.tree), at);
    return value === undefined ? fallback : readable(value, at);
  }

  /** Changes a setting, or those of a section that `value` names; `undefined` removes it from the file. @throws ConfigError, and nothing has changed. */
  set(path: SettingPath, value: unknown): void {
    this.#apply(flatten(toPath(path), toValue(value, toPath(path))));
  }

  /** Changes several settings at once: `{gateway: {port: 8080}}` or `{"gateway.port": 8080}`. @throws ConfigError, and nothing has changed. */
  update(values: Readonly<Record<string, unknown>>): void {
    this.#apply(Object.entries(values).flatMap(([key, value]) => flatten(parsePath(key), toValue(value, parsePath(key)))));
  }

  /** The file as it is now, `undefined` if there is none, and as `save` would write it. Contains keys in plain text. @throws ConfigError */
  preview(): { readonly before: string | undefined; readonly after: string } {
    const before = readConfigFile({ path: this.#place.path, given: false })?.text;
    return { before, after: editYaml(before ?? "", this.#changes, this.#place.path) };
  }

  /**
   * Writes what was changed into the file as it is now; comments, order and all else stay. @throws ConfigError if the file would not be valid, and
   * then it stays as it was; what the file system throws.
   */
  save(): void {
    const current = readConfigFile({ path: this.#place.path, given: false })?.text;
    const text = editYaml(current ?? "", this.#changes, this.#place.path);
    const settled = settle({ ...this.#place, text, overrides: this.#overrides, changes: [] });
    replaceFile(this.#place.path, text);
    this.#text = text;
    this.#changes = [];
    ({ layers: this.#layers, settings: this.#settings } = settled);
  }

  /**
   * The configuration as environment variables, `${…}` expanded and paths absolute, for a process that is to have the same. Holds the keys in plain
   * text: never log it.
   */
  toEnvVars(): Record<string, string> {
    const { tree } = this.#layers;
    const providers = tree["providers"];
    const paths: (LeafAt & { readonly from: Tree })[] = [
      ...fixedLeaves.map((entry) => ({ ...entry, from: mergeTrees(defaults(), tree) })),
      ...Object.keys(isTree(providers) ? providers : {}).flatMap((name) =>
        providerLeaves.map(({ path, leaf }) => ({ path: ["providers", name, ...path], leaf, from: tree })),
      ),
    ];
    const variables: Record<string, string> = {};
    for (const { path, leaf, from } of paths) {
      const value = getAt(from, path) ?? null;
      if (value === null || value === "" || isEmpty(value)) continue;
      const isPath = leaf.kind === "path" && typeof value === "string";
      variables[envNameOf(path)] = isPath ? resolvePath(value, this.#place.base) : writeValue(readable(value, path));
    }
    return variables;
  }

  #apply(changes: readonly Change[]): void {
    const all = [...this.#changes, ...changes];
    ({ layers: this.#layers, settings: this.#settings } = this.#settle(all));
    this.#changes = all;
  }

  #settle(changes: readonly Change[]): ReturnType<typeof settle> {
    return settle({ ...this.#place, text: this.#text, overrides: this.#overrides, changes });
  }
}

/** Reads the configuration; if `path` is given, the file must exist. @throws ConfigError */
export function loadConfig(path?: string): Config {
  if (path !== undefined) readConfigFile({ path, given: true });
  return new Config(path === undefined ? {} : { path });
}

function toPath(path: SettingPath): readonly string[] {
  return typeof path === "string" ? parsePath(path) : path;
}

function defaults(): Tree {
  const tree: Tree = {};
  for (const { path, leaf } of fixedLeaves)
    if (leaf.defaultValue !== undefined) setAt(tree, path, structuredClone(leaf.defaultValue) as Value);
  return tree;
}

/** Numbers and flags come from `${…}` and the environment as texts. */
function readable(value: Value, path: readonly string[]): Value {
  if (isTree(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readable(item, [...path, key])]));
  const node = nodeAt(path);
  if (node?.type !== "leaf" || typeof value !== "string") return structuredClone(value);
  if (node.kind === "integer" && /^\d+$/.test(value)) return Number(value);
  return node.kind === "flag" ? isTrueText(value) : value;
}

function isEmpty(value: Value): boolean {
  return Array.isArray(value) ? value.length === 0 : isTree(value) && Object.keys(value).length === 0;
}

/** One change for each setting: a section is not replaced whole. */
function flatten(path: readonly string[], value: Value | undefined): Change[] {
  const node: SchemaNode | undefined = nodeAt(path);
  const isSection = node?.type === "object" || node?.type === "map";
  if (!isSection || !isTree(value) || Object.keys(value).length === 0) return [{ path, value }];
  return Object.entries(value).flatMap(([key, item]) => flatten([...path, key], item === null ? undefined : item));
}

/** A value that YAML can express. */
function toValue(value: unknown, path: readonly string[]): Value | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => toValue(item, path) ?? null);
  const isPlain = typeof value === "object" && (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null);
  if (!isPlain)
    throw new ConfigError([
      createMessageProblem({ kind: "program" }, path, `found a ${typeof value}, allowed texts, numbers, flags, lists and maps of them`),
    ]);
  const entries = Object.entries(value as Record<string, unknown>).filter(([key]) => key !== "__proto__");
  return Object.fromEntries(entries.map(([key, item]) => [key, toValue(item, [...path, key]) ?? null]));
}
