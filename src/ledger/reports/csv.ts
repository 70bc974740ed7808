export type CsvCell = string | number | null;

/** What a spreadsheet takes for a formula where a cell begins with it (OWASP, "CSV Injection"), also behind white space of its own trimming. */
const formula = /^[\s]*[=+\-@\t\r]/;

/**
 * A record of RFC 4180, with its CRLF. Text that a spreadsheet would run as a formula gets a ' before it, which spreadsheets show as text; `null` is
 * empty. Names of models come from clients, and reports are opened by administrators.
 */
export function csvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(cell: CsvCell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const text = formula.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
