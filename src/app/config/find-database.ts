import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { parseDocument } from "yaml";
import { expandText, type Env } from "./expand-text.ts";
import { placeOf, type PlaceInput } from "./place.ts";

/**
 * Where the database lies, read from a few lines of the configuration, without the schema of all settings: enough for a command that asks a running gateway.
 * `undefined`: only the whole configuration shows it (`locateDatabase`), or what is wrong with it.
 */
export function findDatabase(input: PlaceInput = {}): string | undefined {
  const place = placeOf(input);
  if (place === undefined) return undefined;
  const { env, base, defaultDatabase } = place;
  let written: string | undefined = env["TOKLIGENCE_DATABASE_PATH"];
  if (written === undefined || written === "") {
    try {
      written = pathInText(readFileSync(place.path, "utf8"), env);
    } catch (error) {
      if (place.given || (error as NodeJS.ErrnoException).code !== "ENOENT") return undefined;
    }
  }
  if (written === undefined || written === "") return defaultDatabase;
  if (written.startsWith("~")) return undefined;
  return isAbsolute(written) ? written : resolve(base.folder, written);
}

/** `database.path` of a file's text. The text before a fault is read all the same. */
export function pathInText(text: string, env: Env): string | undefined {
  const written: unknown = parseDocument(text, { prettyErrors: false, merge: true }).getIn(["database", "path"]);
  if (typeof written !== "string") return undefined;
  const expanded = expandText(written, env);
  return "value" in expanded ? expanded.value : undefined;
}
