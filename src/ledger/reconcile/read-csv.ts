import type { Json } from "./vendor-line.ts";

/** Lines that may come before the header, as in Google's cost table, where they say which invoice it is. */
const mostPreambleLines = 30;

/**
 * The records of a CSV file with a header (RFC 4180), as objects of texts. Names are in lower case, with `_` for all that is no letter or digit: `Cost ($)` is `cost`, and an
 * amount in another currency, `Cost (€)`, has a member `currency` beside it.
 */
export function readCsv(text: string): readonly Json[] {
  const all = readRecords(text.replace(/^\ufeff/, ""));
  const longest = all.slice(0, mostPreambleLines).reduce((most, { length }) => Math.max(most, length), 0);
  const start = all.findIndex(({ length }) => length > longest / 2);
  const header = all[start];
  if (header === undefined) return [];
  const records = all.slice(start + 1);
  const unit = header.map((name) => /^(?:unrounded )?cost \(([^)]+)\)$/i.exec(name.trim())?.[1]).find((symbol) => symbol !== undefined);
  const currency = unit === undefined || unit === "$" || unit === "USD" ? {} : { currency: unit };
  const names = header.map((name) =>
    name
      .replace(/ \([^)]+\)$/, "")
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "_")
      .replaceAll(/^_|_$/g, ""),
  );
  return records
    .filter((cells) => cells.length > 1)
    .map((cells) => ({ ...Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""])), ...currency }));
}

function readRecords(text: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/gy;
  for (;;) {
    const match = cell.exec(text);
    if (match === null) return records;
    const [whole, quoted, plain = "", end] = match;
    record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    records.push(record);
    record = [];
    if (end === "" || whole === "") return records;
  }
}
