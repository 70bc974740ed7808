import { readFileSync, writeFileSync } from "node:fs";
import { renderReliabilityPage } from "../../scripts/docs/reliability-page.ts";

const page = new URL("../../docs/reliability.json", import.meta.url);
const shownPage = new URL("../../docs/reliability.md", import.meta.url);

/** Figures of one long run: what was measured, JSON. Names in snake_case, with units. */
export type Figures = Readonly<Record<string, unknown>>;

/**
 * Puts the figures of a long run into `docs/reliability.json`, under the run's short name (its file without `.ts`), with today's date and Node's version.
 * `docs/reliability.md` is made anew from it. Figures of the same run under other names stay, so that each test of a run can write its own; other runs stay as they are.
 */
export function writeFigures(run: string, figures: Figures): void {
  let known = "{}";
  try {
    known = readFileSync(page, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const date = new Date().toISOString().slice(0, 10);
  const measured = mergeFigures(known, run, { date, node: process.version, ...figures });
  writeFileSync(page, measured);
  writeFileSync(shownPage, renderReliabilityPage(measured));
}

/** @param known the text of the page. @returns its new text: runs in the order of their names. */
export function mergeFigures(known: string, run: string, figures: Figures): string {
  const runs = JSON.parse(known) as Record<string, Figures>;
  const sorted = Object.entries({ ...runs, [run]: { ...runs[run], ...figures } }).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`;
}
