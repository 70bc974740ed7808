import type { Json } from "./vendor-line.ts";

/** The records of a CSV file with a header (RFC 4180), as objects of texts. Names are in lower case, with `_` for all that is no letter or digit: `Cost ($)` is `cost`. */
export function readCsv(text: string): readonly Json[] {
  const [header, ...records] = readRecords(text.replace(/^\ufeff/, ""));
  if (header === undefined) return [];
  const names = header.map((name) =>
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "_")
      .replaceAll(/^_|_$/g, ""),
  );
  return records.filter((cells) => cells.length > 1).map((cells) => Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""])));
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
