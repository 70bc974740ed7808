import type { SqlValue } from "./types.ts";

const identifier = /^[a-z][a-z0-9_]*$/;

/** Checks names that become part of a statement's text. @throws TypeError if one is not a plain name. */
export function checkNames(table: string, columns: readonly string[]): void {
  for (const name of [table, ...columns]) {
    if (!identifier.test(name)) throw new TypeError(`"${name}" is not a name of a table or column.`);
  }
}

/** Checks a row's length: a row that is too short would shift the values of the next one. @throws TypeError. */
export function checkedRow(rows: readonly (readonly SqlValue[])[], at: number, columns: number): readonly SqlValue[] {
  const row = rows[at]!;
  if (row.length !== columns) throw new TypeError(`Row ${at} has ${row.length} values for ${columns} columns.`);
  return row;
}
