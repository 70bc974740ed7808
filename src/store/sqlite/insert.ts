import type { DatabaseSync, StatementSync } from "node:sqlite";
import { checkedRow, checkNames } from "../row-check.ts";
import type { SqlValue } from "../types.ts";

export interface RowInserter {
  /** Inserts into the transaction that is open. @returns how many rows were new. */
  insert(table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[]): number;
}

/** Rows a statement. More gain nothing: most of the time then goes into binding values and into the indexes. */
const rowsPerStatement = 16;

interface Statements {
  readonly one: StatementSync;
  readonly many: StatementSync;
}

/** Bulk inserts over statements that are kept for each table and set of columns. */
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
      for (; at + rowsPerStatement <= rows.length; at += rowsPerStatement) {
        added += Number(many.run(...valuesOf(rows, at, columns.length)).changes);
      }
      for (; at < rows.length; at++) added += Number(one.run(...checkedRow(rows, at, columns.length)).changes);
      return added;
    },
  };
}

/** The values of a full statement, one row behind the other. */
function valuesOf(rows: readonly (readonly SqlValue[])[], at: number, width: number): SqlValue[] {
  const values: SqlValue[] = [];
  for (let i = at; i < at + rowsPerStatement; i++) values.push(...checkedRow(rows, i, width));
  return values;
}

/**
 * `or fail` is for speed: with the default, `or abort`, SQLite copies every page that a statement of several rows touches into a file, to undo
 * that statement alone, which doubles the cost of a row. Here an error undoes all of the call's rows anyway. It does not change
 * `on conflict do nothing`, which comes first.
 */
function insertText(table: string, columns: readonly string[], rows: number): string {
  checkNames(table, columns);
  const row = `(${columns.map(() => "?").join(", ")})`;
  const values = Array.from({ length: rows }, () => row).join(", ");
  return `insert or fail into ${table} (${columns.join(", ")}) values ${values} on conflict do nothing`;
}
