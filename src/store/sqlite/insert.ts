import type { DatabaseSync, StatementSync } from "node:sqlite";
import { checkedRow, checkNames } from "../row-check.ts";
import type { SqlValue } from "../types.ts";

export interface RowInserter {
  /** Inserts within the open transaction. @returns how many rows were new. */
  insert(table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[]): number;
}

/** Rows per statement. More rows gain nothing: most of the time is then spent on binding values and on the indexes. */
const rowsPerStatement = 16;

interface Statements {
  readonly one: StatementSync;
  readonly many: StatementSync;
}

/** Bulk inserts with prepared statements that are kept for each table and set of columns. */
export function createRowInserter(database: DatabaseSync): RowInserter {
  const known = new Map<string, Statements>();
  const statementsFor = (table: string, columns: readonly string[]): Statements => {
    const name = `${table}(${columns.join(",")})`;
    const found = known.get(name);
    if (found !== undefined) return found;
    const made = {
      one: database.prepare(insertText(table, columns, 1)),
      many: database.prepare(insertText(table, columns, rowsPerStatement)),
    };
    known.set(name, made);
    return made;
  };
  return {
    insert(table, columns, rows) {
      const { one, many } = statementsFor(table, columns);
      let added = 0;
      let at = 0;
      const values: SqlValue[] = [];
      for (; at + rowsPerStatement <= rows.length; at += rowsPerStatement) {
        putValues(values, rows, at, columns.length);
        added += Number(many.run(...values).changes);
      }
      for (; at < rows.length; at++) added += Number(one.run(...checkedRow(rows, at, columns.length)).changes);
      return added;
    },
  };
}

/** Puts the values of a full statement, one row after the other, in place of those of the statement before. */
// Called for each statement on the hot path: an options object would be made anew each time.
function putValues(values: SqlValue[], rows: readonly (readonly SqlValue[])[], at: number, width: number): void {
  let place = 0;
  for (let i = at; i < at + rowsPerStatement; i++) {
    const row = checkedRow(rows, i, width);
    for (let column = 0; column < width; column++) values[place++] = row[column]!;
  }
}

/**
 * `or fail` is for speed. With the default, `or abort`, SQLite copies every page that a statement of several rows changes into a file, to be able to
 * undo that statement alone; this doubles the cost of a row. Here an error undoes all rows of the call anyway. It does not change `on conflict do
 * nothing`, which takes precedence.
 */
function insertText(table: string, columns: readonly string[], rows: number): string {
  checkNames(table, columns);
  const row = `(${columns.map(() => "?").join(", ")})`;
  const values = Array.from({ length: rows }, () => row).join(", ");
  return `insert or fail into ${table} (${columns.join(", ")}) values ${values} on conflict do nothing`;
}
