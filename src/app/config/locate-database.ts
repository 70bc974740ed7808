import { parseDocument } from "yaml";
import { resolvePath, ConfigError } from "../../settings/index.ts";
import { expandText } from "./expand-text.ts";
import { findPlace, loadSettings, readConfigFile, type LoadInput } from "./load.ts";
import type { Place } from "./place.ts";

/**
 * Where the database lies, and with it the daemon's socket, lock and pid file. Of a configuration that is not valid the database's path is read as well
 * as it can be: a daemon that runs with an earlier state of the file can then still be found.
 */
export function locateDatabase(input: LoadInput = {}): { readonly path: string; readonly problem?: ConfigError } {
  try {
    return { path: loadSettings(input).settings.database.path };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const place = findPlace(input);
    const written = place.env["TOKLIGENCE_DATABASE_PATH"] ?? pathInFile(place);
    return { path: written === undefined || written === "" ? place.defaultDatabase : resolvePath(written, place.base), problem: error };
  }
}

function pathInFile(place: Place): string | undefined {
  let text: string;
  try {
    text = readConfigFile(place)?.text ?? "";
  } catch {
    return undefined; // It cannot be read: the caller has that error already.
  }
  // The text before a fault is read all the same.
  const written: unknown = parseDocument(text, { prettyErrors: false, merge: true }).getIn(["database", "path"]);
  if (typeof written !== "string") return undefined;
  const expanded = expandText(written, place.env);
  return "value" in expanded ? expanded.value : undefined;
}
