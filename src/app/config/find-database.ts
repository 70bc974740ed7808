import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { parseDocument } from "yaml";
import { expandText } from "./expand-text.ts";
import { placeOf, type Place, type PlaceInput } from "./place.ts";

/**
 * Where the database lies, read without the schema of all settings: enough for a command that asks a running gateway.
 * `undefined`: only the whole configuration shows it (`locateDatabase`), or what is wrong with it.
 */
export function findDatabase(input: PlaceInput = {}): string | undefined {
  const place = placeOf(input);
  if (place === undefined) return undefined;
  const { base, defaultDatabase } = place;
  const written = writtenPath(place);
  if (written === "unclear" || written?.startsWith("~") === true) return undefined;
  if (written === undefined) return defaultDatabase;
  return isAbsolute(written) ? written : resolve(base.folder, written);
}

/** The path as the environment or the file has it; `undefined`: neither has one; `unclear`: something else is wrong, or needs all of the schema. */
function writtenPath({ env, path, given }: Place): string | undefined {
  const named = env["TOKLIGENCE_DATABASE_PATH"];
  if (named !== undefined && named !== "") return named;
  try {
    const document = parseDocument(readFileSync(path, "utf8"), { prettyErrors: false, merge: true });
    if (document.errors.length > 0) return "unclear";
    const { database } = (document.toJS() ?? {}) as { readonly database?: unknown };
    if (database === undefined || database === null) return undefined;
    const value = (database as { path?: unknown }).path;
    if (value === undefined || value === null) return typeof database === "object" ? undefined : "unclear";
    const expanded = typeof value === "string" && value !== "" ? expandText(value, env) : undefined;
    return expanded !== undefined && "value" in expanded ? expanded.value : "unclear";
  } catch (error) {
    return !given && (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : "unclear";
  }
}
