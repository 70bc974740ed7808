export type CsvCell = string | number | null;

/** The beginning of a cell that a spreadsheet treats as a formula (OWASP, "CSV Injection"), also after white space that the spreadsheet trims. */
const formula = /^[\s]*[=+\-@\t\r]/;

/**
 * A record of RFC 4180, with its CRLF. Text that a spreadsheet would run as a formula is prefixed with ', so that it is shown as text; `null` is
 * empty. Model names come from clients, and administrators open the reports.
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
