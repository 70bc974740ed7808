import { isTree, type Value, type Path } from "../../settings/index.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** What a text with `${…}` in it comes to. */
export type Expanded =
  | { readonly value: string }
  /** The first variable that is not set and has no default. */
  | { readonly unset: string }
  /** The `${…}` that is not a valid reference. */
  | { readonly malformed: string };

const reference = /\$?\$\{([^}]*)\}?/g;
const body = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/**
 * Expands `${VAR}` and `${VAR:-default}`; the default is also used if the variable is empty. `$${VAR}` is the text `${VAR}`. What a variable holds is
 * not expanded again. `emptyIsUnset`: a variable that holds nothing counts as not set.
 */
export function expandText(text: string, env: Env, emptyIsUnset = false): Expanded {
  let fault: Expanded | undefined;
  const value = text.replaceAll(reference, (whole, inner: string) => {
    if (whole.startsWith("$$")) return whole.slice(1);
    const match = whole.endsWith("}") ? body.exec(inner) : null;
    if (match === null) {
      fault ??= { malformed: whole };
      return "";
    }
    const [, name, fallback] = match;
    const found = env[name!];
    if (fallback !== undefined && (found === undefined || found === "")) return fallback;
    if (found === undefined || (emptyIsUnset && found.trim() === "")) fault ??= { unset: name! };
    return found ?? "";
  });
  return fault ?? { value };
}

/** Whether a text has a `${…}` that is expanded. */
export function hasReference(text: string): boolean {
  return [...text.matchAll(reference)].some((match) => !match[0].startsWith("$$"));
}

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
