/** Prints a result: as JSON, or as text made from it. */
export function print(json: boolean, value: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text()}\n`);
}

/** Columns of the terminal; without one, as in a pipe, there is no limit. */
export function terminalWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns : Infinity;
}

/** A column that is left out if the terminal is too narrow for all. */
export interface OptionalColumn {
  readonly title: string;
  readonly optional: true;
}

type Cell = string | number | null;

/** No text column is narrower than this or, if that is wider, its title. */
const minWidth = 6;
/** Optional columns are left out before texts get shorter than this: a name of six letters says little. */
const readableWidth = 16;
const gap = 2;

/**
 * Rows as columns, each as wide as its widest cell; numbers to the right. If a row does not fit the terminal, the widest texts are shortened, as far as they stay
 * readable; then optional columns are left out, the last one first; then texts are shortened further. Ids stay whole, as people copy them, and so do times.
 */
export function table(header: readonly (string | OptionalColumn)[], rows: readonly (readonly Cell[])[], width = terminalWidth()): string {
  const titles = header.map((column) => (typeof column === "string" ? column : column.title));
  const cells = [titles, ...rows.map((row) => row.map((cell) => (cell === null ? "-" : printable(String(cell)))))];
  const natural = titles.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const isNumber = titles.map(
    (_, column) => rows.length > 0 && rows.every((row) => row[column] === null || /^-?[\d.,]+$/.test(String(row[column]))),
  );
  const isWhole = titles.map((_, column) => isNumber[column] === true || cells.some((row) => wholePattern.test(row[column]!)));
  const atLeast = (min: number): readonly number[] =>
    titles.map((title, column) => (isWhole[column] === true ? natural[column]! : Math.min(natural[column]!, Math.max(title.length, min))));
  const least = atLeast(minWidth);
  const readable = atLeast(readableWidth);
  let shown = titles.map((_, column) => column);
  const total = (widths: readonly number[]): number => shown.reduce((sum, column) => sum + widths[column]! + gap, -gap);
  while (total(readable) > width) {
    const dropped = shown.findLast((column) => typeof header[column] !== "string");
    if (dropped === undefined) break;
    shown = shown.filter((column) => column !== dropped);
  }
  const widths = [...natural];
  while (total(widths) > width) {
    const widest = shown.reduce((a, b) => (widths[b]! - least[b]! > widths[a]! - least[a]! ? b : a));
    if (widths[widest]! <= least[widest]!) break;
    widths[widest]!--;
  }
  return cells
    .map((row) =>
      shown
        .map((column) => {
          const text = shorten(row[column]!, widths[column]!);
          return isNumber[column] === true ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
        })
        .join(" ".repeat(gap))
        .trimEnd(),
    )
    .join("\n");
}

/** Ids and times. */
const wholePattern = /^(?:(?:usr|key|bgt|req)_[0-9a-f]{8}-|\d{4}-\d\d-\d\d)/;

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Names that clients choose must not move the terminal's cursor. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}

/** `2026-01-31 17:04` of a time in RFC 3339, in UTC. */
export function shortTime(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}

/** Puts examples at the end of a command's help. */
export function addExamples(command: { addHelpText(position: "after", text: string): unknown }, examples: readonly string[]): void {
  command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`);
}

/** A text in lines that fit, broken at spaces; all but the first are indented. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `  ${word}`;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
