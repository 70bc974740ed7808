import { globSync } from "node:fs";
import { basename } from "node:path";

/** Files in `tests/long` that are no run of their own: what the runs share, and its unit tests. */
const shared = /^figures\.|\.test\.ts$/;

/** The short names of the long runs: their files in `tests/long`, without `.ts`. */
export function longRunNames(): readonly string[] {
  return globSync("tests/long/*.ts")
    .map((path) => basename(path))
    .filter((name) => !shared.test(name))
    .map((name) => name.slice(0, -".ts".length))
    .toSorted();
}

/** @param names short names; none: all of them. @returns the files of these runs. @throws Error that lists the names, if one is unknown. */
export function longRunFiles(names: readonly string[]): readonly string[] {
  const known = longRunNames();
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`There is no long run "${unknown.join('", "')}". There are: ${known.join(", ")}.`);
  return (names.length === 0 ? known : names).map((name) => `tests/long/${name}.ts`);
}
