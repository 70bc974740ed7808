import { resolvePath, ConfigError } from "../../settings/index.ts";
import { pathInText } from "./find-database.ts";
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
  try {
    return pathInText(readConfigFile(place)?.text ?? "", place.env);
  } catch {
    return undefined; // It cannot be read: the caller has that error already.
  }
}
