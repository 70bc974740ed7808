interface PlotOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** Where something happened, from 0 to 1. */
  readonly marks: readonly number[];
  readonly label: (value: number) => string;
}

const heights = " ▁▂▃▄▅▆▇█";
const rows = 3;
const stepsPerRow = heights.length - 1;
const widest = 168;
const usualWidth = 100;

/** A plot of three lines from zero up, its highest and lowest value on the left, and `^` below where something happened. Without a value a column is empty. */
export function plotLines(values: readonly (number | null)[], { width, marks, label }: PlotOptions): readonly string[] {
  const known = values.filter((value) => value !== null);
  const highest = Math.max(...known);
  const labels = [label(highest), "", label(0)];
  const margin = Math.max(...labels.map((text) => text.length));
  const columns = Math.max(10, Math.min(values.length, widest, (Number.isFinite(width) ? width : usualWidth) - margin - 3));
  const shown = Array.from({ length: columns }, (_, column) => meanOf(values, column / columns, (column + 1) / columns));
  const lines = Array.from({ length: rows }, (_, row) => {
    const base = (rows - 1 - row) * stepsPerRow;
    const cells = shown.map((value) => {
      if (value === undefined) return " ";
      const steps = highest === 0 ? 0 : Math.max(1, Math.round((value / highest) * rows * stepsPerRow));
      return heights[Math.min(Math.max(steps - base, 0), stepsPerRow)]!;
    });
    return `${labels[row]!.padStart(margin)} ┤${cells.join("").trimEnd()}`;
  });
  if (marks.length === 0) return lines;
  const pointer: string[] = Array.from({ length: columns }, () => " ");
  for (const mark of marks) pointer[Math.min(Math.max(Math.floor(mark * columns), 0), columns - 1)] = "^";
  return [...lines, `${" ".repeat(margin + 2)}${pointer.join("").trimEnd()}`];
}

/** The mean of the values in a part of the list; of a single one where a column is narrower than a value. */
function meanOf(values: readonly (number | null)[], from: number, to: number): number | undefined {
  const start = Math.floor(from * values.length + 1e-9);
  const part = values.slice(start, Math.max(start + 1, Math.floor(to * values.length + 1e-9))).filter((value) => value !== null);
  return part.length === 0 ? undefined : part.reduce((sum, value) => sum + value, 0) / part.length;
}
