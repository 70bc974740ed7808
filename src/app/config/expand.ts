import { isTree, type Value, type Path } from "../../settings/index.ts";
import { expandText, hasReference, type Env, type Expanded } from "./expand-text.ts";

/** A text of the tree that had a reference in it. */
export interface Expansion {
  readonly path: Path;
  /** As written. */
  readonly raw: string;
  readonly result: Expanded;
}

/**
 * Expands all texts of a value. If that fails, its value is `null`; `expansions` lists every text that had a reference.
 * `isKey` says where an empty variable is as good as none.
 */
export function expandValue(
  value: Value,
  path: Path,
  env: Env,
  isKey: (path: Path) => boolean,
): { readonly value: Value; readonly expansions: readonly Expansion[] } {
  const expansions: Expansion[] = [];
  const expand = (value: Value, path: Path): Value => {
    if (typeof value === "string") {
      if (!value.includes("${")) return value;
      const result = expandText(value, env, isKey(path));
      if (hasReference(value)) expansions.push({ path, raw: value, result });
      return "value" in result ? result.value : null;
    }
    if (Array.isArray(value)) return value.map((item, index) => expand(item, [...path, index]));
    if (!isTree(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, [...path, key])]));
  };
  return { value: expand(value, path), expansions };
}
