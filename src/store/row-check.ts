import type { SqlValue } from "./types.ts";

const identifier = /^[a-z][a-z0-9_]*$/;

/** These go into the statement's text. @throws TypeError where one is no name. */
export function checkNames(table: string, columns: readonly string[]): void {
  for (const name of [table, ...columns]) {
    if (!identifier.test(name)) throw new TypeError(`"${name}" is no table's or column's name.`);
  }
}

/** A row that is too short would shift the values of the next one into it. @throws TypeError. */
export function checkedRow(rows: readonly (readonly SqlValue[])[], at: number, columns: number): readonly SqlValue[] {
  const row = rows[at]!;
  if (row.length !== columns) throw new TypeError(`Row ${at} has ${row.length} values for ${columns} columns.`);
  return row;
}
