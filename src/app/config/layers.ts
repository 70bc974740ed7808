import { closestNames } from "../../upstream/index.ts";
import { readEnvironment } from "./environment.ts";
import { expandValue, type Expansion } from "./expand.ts";
import type { Env } from "./expand-text.ts";
import { createProblem, isTree, type Origin, type Problem, type Tree, type Value, type Path } from "../../settings/index.ts";
import { readYaml } from "./read-yaml.ts";
import { getAt, mergeTrees, parsePath, setAt, valuesOf } from "./tree.ts";

/** All that configuration is made of. */
export interface LayerInput {
  /** `undefined`: there is no file. */
  readonly text: string | undefined;
  /** The file's name, for messages. */
  readonly file: string;
  readonly env: Env;
  /** From the command line: `gateway.port` → `9000`. */
  readonly overrides: Readonly<Record<string, unknown>>;
  /** Set by a program, over all else. */
  readonly changes: readonly Change[];
}

/** A setting changed by a program; without `value` what the file says is taken away. */
export interface Change {
  readonly path: readonly string[];
  readonly value: Value | undefined;
}

/** The layers put together, not yet checked. */
export interface Layers {
  readonly tree: Tree;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** Where the value at a path was written, or the nearest thing around it. */
  locate(path: Path): Origin | undefined;
  /** A text as it was written, where it had a `${…}` in it: what it came to may be a secret. */
  rawAt(path: Path): string | undefined;
  /** Variables that are named as keys and not set, by provider. */
  readonly unsetKeys: ReadonlyMap<string, readonly string[]>;
  /** The file alone, as written. */
  readonly fileTree: Tree;
}

interface Layer {
  readonly tree: Tree;
  originOf(path: Path): Origin | undefined;
}

/** There without being named, so that a vendor's key in the environment is enough. */
const defaultProviders = ["openai", "anthropic", "google"];

/** Puts the file over the defaults, the environment over the file, arguments over that, and a program's changes over all. */
export function readLayers(input: LayerInput): Layers {
  const problems: Problem[] = [];
  const file = readYaml(input.text ?? "", input.file);
  problems.push(...file.problems);
  const fileTree = withoutRemoved(file.tree, input.changes);
  const expandedFile = expandValue(fileTree, [], input.env, isKeyPath);
  const expansions: Expansion[] = [...expandedFile.expansions];
  const fileLayer: Layer = { tree: expandedFile.value as Tree, originOf: (path) => upwards(path, (at) => file.origins.get(at)) };

  const belowEnv = withDefaultProviders(mergeTrees({}, fileLayer.tree));
  const environment = readEnvironment(input.env, isTree(belowEnv["providers"]) ? Object.keys(belowEnv["providers"]) : []);
  problems.push(...environment.problems);
  const envLayer: Layer = {
    tree: environment.tree,
    originOf(path) {
      // The setting itself, the one that the path leads into, or the first of a section.
      const setting = environment.settings.find((candidate) => candidate.path.every((part, i) => i >= path.length || part === path[i]));
      return setting === undefined ? undefined : { kind: "environment", name: setting.name };
    },
  };

  const argumentTree: Tree = {};
  for (const [path, value] of Object.entries(input.overrides)) setAt(argumentTree, parsePath(path), value as Value);
  const argumentLayer: Layer = {
    tree: argumentTree,
    originOf: (path) => ({ kind: "argument", name: `--${String(path.findLast((part) => typeof part === "string")).replaceAll("_", "-")}` }),
  };

  // Merging copies every map, so that what a program sets changes no layer below.
  const tree = mergeTrees(mergeTrees(belowEnv, envLayer.tree), argumentTree);
  const programTree: Tree = {};
  for (const { path, value } of input.changes) {
    if (value === undefined) continue;
    const expanded = expandValue(value, path, input.env, isKeyPath);
    expansions.push(...expanded.expansions);
    setAt(tree, path, expanded.value);
    setAt(programTree, path, expanded.value);
    // A key whose variable is not set disables the provider, as in the file.
    if (expanded.value === null && isKeyPath(path)) for (const top of [tree, programTree]) removeAt(top, path);
  }
  const programLayer: Layer = { tree: programTree, originOf: () => ({ kind: "program" }) };

  const layers = [programLayer, argumentLayer, envLayer, fileLayer];
  const locate = (path: Path): Origin | undefined => {
    if (path.length === 0) return undefined;
    const layer = layers.find((candidate) => getAt(candidate.tree, path) !== undefined);
    return layer?.originOf(path) ?? locate(path.slice(0, -1));
  };
  const unsetKeys = judgeExpansions(expansions, { tree, env: input.env, locate }, problems);
  dropUnsetItems(tree, expansions);
  const raws = new Map(expansions.map(({ path, raw }) => [JSON.stringify(path), raw]));
  return {
    tree,
    problems,
    warnings: environment.warnings,
    locate,
    rawAt: (path) => raws.get(JSON.stringify(path)),
    unsetKeys,
    fileTree,
  };
}

/** A provider's key: not being set disables the provider and is no error. */
function isKeyPath(path: Path): boolean {
  return path[0] === "providers" && (path[2] === "api_key" || path[2] === "api_keys");
}

function upwards(path: Path, find: (path: Path) => Origin | undefined): Origin | undefined {
  for (let length = path.length; length > 0; length--) {
    const found = find(path.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** After those of the file, whose order counts. */
function withDefaultProviders(tree: Tree): Tree {
  const providers = tree["providers"] ?? {};
  // What is no map is reported by the check.
  if (!isTree(providers)) return tree;
  const missing = defaultProviders.filter((name) => !Object.hasOwn(providers, name));
  return { ...tree, providers: { ...providers, ...Object.fromEntries(missing.map((name) => [name, {}])) } };
}

function removeAt(tree: Tree, path: readonly string[]): void {
  const parent = getAt(tree, path.slice(0, -1));
  if (isTree(parent)) delete parent[path.at(-1)!];
}

function withoutRemoved(tree: Tree, changes: readonly Change[]): Tree {
  const removed = changes.filter((change) => change.value === undefined);
  if (removed.length === 0) return tree;
  const copy = structuredClone(tree);
  for (const { path } of removed) removeAt(copy, path);
  return copy;
}

/** What failed to expand is a problem, or disables a provider; where a higher layer says something else it is neither. */
function judgeExpansions(
  expansions: readonly Expansion[],
  { tree, env, locate }: { readonly tree: Tree; readonly env: Env; readonly locate: (path: Path) => Origin | undefined },
  problems: Problem[],
): ReadonlyMap<string, readonly string[]> {
  const unsetKeys = new Map<string, string[]>();
  for (const { path, result } of expansions) {
    if ("value" in result || (getAt(tree, path) ?? null) !== null) continue;
    const origin = locate(path);
    if ("malformed" in result) {
      problems.push(
        createProblem({
          origin,
          path,
          found: "a ${…} that cannot be read",
          allowed: "${VARIABLE}, ${VARIABLE:-default}, or $${ for the text ${",
        }),
      );
    } else if (isKeyPath(path)) {
      const provider = String(path[1]);
      unsetKeys.set(provider, [...(unsetKeys.get(provider) ?? []), result.unset]);
    } else {
      const [nearest] = closestNames(result.unset, Object.keys(env), 1);
      const found = `\${${result.unset}}, which is not set${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`;
      problems.push(createProblem({ origin, path, found, allowed: `a variable that is set, or \${${result.unset}:-default}` }));
    }
  }
  return unsetKeys;
}

/** A key that is not there leaves the others of its list. */
function dropUnsetItems(tree: Tree, expansions: readonly Expansion[]): void {
  for (const { path, result } of expansions) {
    if ("value" in result || !isKeyPath(path)) continue;
    const list = getAt(tree, path.slice(0, 3));
    if (Array.isArray(list))
      setAt(
        tree,
        path.slice(0, 3).map(String),
        list.filter((item) => item !== null),
      );
  }
}

/** Where every value that is not a default comes from, by its path in words. */
export function listSources(layers: Layers): ReadonlyMap<string, Origin> {
  const sources = new Map<string, Origin>();
  for (const [path] of valuesOf(layers.tree)) {
    const origin = layers.locate(path);
    if (origin !== undefined && path.length > 0) sources.set(path.map(String).join("."), origin);
  }
  return sources;
}
