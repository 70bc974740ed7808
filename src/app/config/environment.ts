import { protocolIds } from "../../ir/index.ts";
import { closestNames, presets } from "../../upstream/index.ts";
import type { Env } from "./expand-text.ts";
import { createMessageProblem, isTree, type LeafKind, type Problem, type Tree, type Value } from "../../settings/index.ts";
import { fixedLeaves, providerLeaves, type SchemaLeaf } from "./schema-tree.ts";
import { setAt } from "./tree.ts";

const prefix = "TOKLIGENCE_";

/** The variable that the clients of the documentation read for a key of the gateway. It is not a setting. */
const clientKeyName = `${prefix}KEY`;

/** A setting's name in the environment: `gateway.port` is `TOKLIGENCE_GATEWAY_PORT`. */
export function envNameOf(path: readonly string[]): string {
  return prefix + path.map(envPart).join("_");
}

function envPart(part: string): string {
  return part.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
}

/** One setting that the environment gives. */
export interface EnvSetting {
  readonly name: string;
  readonly path: readonly string[];
}

export interface EnvLayer {
  readonly tree: Tree;
  readonly settings: readonly EnvSetting[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

/**
 * Reads the `TOKLIGENCE_…` variables that are names of settings; an empty one sets nothing. A provider that is neither in `providerNames` nor a preset
 * gets the name in lower case. A variable that is no setting is a warning.
 */
export function readEnvironment(env: Env, providerNames: readonly string[]): EnvLayer {
  const tree: Tree = {};
  const settings: EnvSetting[] = [];
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const names = [...providerNames, ...presets.map((preset) => preset.name)];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(prefix) || text === undefined || text === "" || providerKeyNames.has(name) || name === clientKeyName) continue;
    const found = findSetting(name, names);
    if (found === undefined) {
      const nearest = nearestName(name, names);
      warnings.push(`${name}: no setting has this name in the environment${nearest === undefined ? "" : `; did you mean ${nearest}?`}`);
      continue;
    }
    try {
      setAt(tree, found.path, readValue(found.leaf.kind, text));
      settings.push({ name, path: found.path });
    } catch {
      problems.push(createMessageProblem({ kind: "environment", name }, found.path, `not valid JSON, allowed ${found.leaf.allowed}`));
    }
  }
  return { tree, settings, problems, warnings };
}

interface Setting {
  readonly path: readonly string[];
  readonly leaf: SchemaLeaf;
}

const fixedNames: ReadonlyMap<string, Setting> = new Map(fixedLeaves.map((entry) => [envNameOf(entry.path), entry]));

/** The variable that a name of none may have meant: one that is spelt almost like it, or the one whose section it leaves out (`TOKLIGENCE_PORT`). */
function nearestName(name: string, providerNames: readonly string[]): string | undefined {
  const ofProviders = providerNames.flatMap((provider) =>
    providerEndings.map(({ ending }) => `${prefix}PROVIDERS_${envPart(provider)}${ending}`),
  );
  const known = [...fixedNames.keys(), ...providerKeyNames];
  const rest = name.slice(prefix.length);
  return (
    closestNames(name, known, 1)[0] ??
    ofProviders.find((candidate) => candidate === `${prefix}PROVIDERS_${rest}`) ??
    [...fixedNames.keys()].find((candidate) => candidate.endsWith(`_${rest}`)) ??
    // The beginning of a name is no misspelling of it.
    closestNames(
      name,
      ofProviders.filter((candidate) => Math.abs(candidate.length - name.length) <= 2),
      1,
    )[0]
  );
}

/** No ending is the end of another one, so that the first that fits is the only one. */
const providerEndings = providerLeaves.map((entry) => ({ ...entry, ending: `_${entry.path.map(envPart).join("_")}` }));

/** Variables that hold a vendor's key; see `fillKeys`. */
const providerKeyNames: ReadonlySet<string> = new Set(
  presets.flatMap((preset) => vendorKeyNames(preset.keyEnv)).filter((name) => name.startsWith(prefix)),
);

/** Where a vendor's key may be, first one first: names of our own, then the vendor's usual ones. */
export function vendorKeyNames(keyEnv: readonly string[]): string[] {
  return [...new Set([...keyEnv.map((name) => (name.startsWith(prefix) ? name : prefix + name)), ...keyEnv])];
}

function findSetting(name: string, providerNames: readonly string[]): Setting | undefined {
  const fixed = fixedNames.get(name);
  if (fixed !== undefined) return fixed;
  const start = `${prefix}PROVIDERS_`;
  if (!name.startsWith(start)) return undefined;
  const rest = name.slice(start.length);
  for (const { ending, path, leaf } of providerEndings) {
    if (!rest.endsWith(ending) || rest.length === ending.length) continue;
    const part = rest.slice(0, -ending.length);
    const provider = providerNames.find((known) => envPart(known) === part) ?? part.toLowerCase();
    return { path: ["providers", provider, ...path], leaf };
  }
  return undefined;
}

/** @throws SyntaxError if a text begins like JSON and is not valid JSON. */
function readValue(kind: LeafKind, text: string): Value {
  switch (kind) {
    case "list":
      return text.startsWith("[") ? readJson(text) : splitList(text);
    case "map":
      return text.startsWith("{") ? readJson(text) : readMap(text);
    case "routes":
      return text.startsWith("{") ? readJson(text) : readRoutes(text);
    case "urls":
      if (text.startsWith("{")) return readJson(text);
      return protocolIds.some((id) => text.startsWith(`${id}=`)) ? readMap(text) : text;
    case "json":
      return text.startsWith("{") ? readJson(text) : text;
    case "text":
    case "path":
    case "secret":
    case "integer":
    case "flag":
    case "choice":
    case "duration":
    case "size":
    case "percent":
      return text;
  }
}

function readJson(text: string): Value {
  return JSON.parse(text, (key, value: unknown) => (key === "__proto__" ? undefined : value)) as Value;
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function readMap(text: string): Tree {
  return Object.fromEntries(splitPairs(text));
}

/** `gpt-*=openai,gpt-*=azure` is a pattern with two providers. */
function readRoutes(text: string): Tree {
  const routes = new Map<string, string[]>();
  for (const [pattern, provider] of splitPairs(text)) routes.set(pattern, [...(routes.get(pattern) ?? []), provider]);
  return Object.fromEntries(routes);
}

function splitPairs(text: string): [string, string][] {
  return splitList(text).map((pair) => {
    const at = pair.indexOf("=");
    // Without a value: an empty one, which the check of the setting refuses, naming the variable.
    return at === -1 ? [pair, ""] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}

/** The reverse of reading: what a variable must hold for this value. */
export function writeValue(value: Value): string {
  if (Array.isArray(value)) return value.every(isPlain) ? value.join(",") : JSON.stringify(value);
  if (!isTree(value)) return String(value);
  const pairs = Object.entries(value);
  const written = pairs.map(([key, item]) => (isPlain(key) && !key.includes("=") && isPlain(item) ? `${key}=${item}` : undefined));
  return pairs.length > 0 && !written.includes(undefined) ? written.join(",") : JSON.stringify(value);
}

function isPlain(value: Value): value is string {
  return typeof value === "string" && value !== "" && !/[,[\]{}]|^\s|\s$/.test(value);
}
