import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../../docs/reliability.json", import.meta.url);

/** Puts a run's figures under their name into `docs/reliability.json`; what else is there stays. */
export function writeFigures(name: string, figures: object): void {
  let known: Record<string, unknown> = {};
  try {
    known = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const sorted = Object.fromEntries(Object.entries({ ...known, [name]: figures }).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}
