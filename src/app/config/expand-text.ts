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
