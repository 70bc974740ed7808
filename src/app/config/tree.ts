import { nodeAt, type SchemaNode } from "./schema-tree.ts";
import { isTree, type Path, type Tree, type Value } from "../../settings/index.ts";

/**
 * Splits a path that people write. Below a map of values (`model_aliases.gpt-4.1`) the rest is one key; a provider's name that holds a dot
 * needs the path as a list.
 */
export function parsePath(text: string): string[] {
  const parts = text.split(".");
  for (let length = 1; length < parts.length; length++) {
    if (nodeAt(parts.slice(0, length))?.type === "leaf") return [...parts.slice(0, length), parts.slice(length).join(".")];
  }
  return parts;
}

export function getAt(tree: Value | undefined, path: Path): Value | undefined {
  let value: Value | undefined = tree;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else if (isTree(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/** Sets a value, making the maps on the way. */
export function setAt(tree: Tree, path: readonly string[], value: Value): void {
  let at = tree;
  for (const part of path.slice(0, -1)) {
    const next = Object.hasOwn(at, part) ? at[part] : undefined;
    at = isTree(next) ? next : (at[part] = {});
  }
  at[path.at(-1)!] = value;
}

/** Every value that is not a map with entries, with its path. */
export function* valuesOf(value: Value, path: Path = []): Generator<readonly [Path, Value]> {
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* valuesOf(item, [...path, index]);
  else if (isTree(value) && Object.keys(value).length > 0)
    for (const [key, item] of Object.entries(value)) yield* valuesOf(item, [...path, key]);
  else yield [path, value];
}

/**
 * Puts one layer over another, key by key; lists and routes replace what is below them whole. `null` sets nothing, but a provider named with
 * nothing under it is there. The lower one's order stays.
 */
export function mergeTrees(lower: Tree, upper: Tree): Tree {
  return mergeAt(lower, upper, []);
}

function mergeAt(lower: Tree, upper: Tree, path: Path): Tree {
  const merged: Tree = { ...lower };
  for (const [key, value] of Object.entries(upper)) {
    const at = [...path, key];
    const below = Object.hasOwn(lower, key) ? lower[key] : undefined;
    const node = nodeAt(at);
    if (value === null && node !== undefined) {
      const kept = below ?? emptyOf(node, path);
      if (kept !== undefined) merged[key] = kept;
    } else if (isTree(value)) {
      merged[key] = mergeAt(isTree(below) && !replacesWhole(node) ? below : {}, value, at);
    } else {
      merged[key] = value;
    }
  }
  return merged;
}

function emptyOf(node: SchemaNode, parent: Path): Tree | undefined {
  return node.type === "object" && parent.length > 0 && nodeAt(parent)?.type === "map" ? {} : undefined;
}

/** A map that is a value of its own: routes, URLs, and what else is one setting but not a map of settings. */
function replacesWhole(node: SchemaNode | undefined): boolean {
  return node?.type === "leaf" && node.kind !== "map" && node.kind !== "json";
}
