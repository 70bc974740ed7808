import { isMissingPartition } from "./error.ts";
import type { PostgresResult } from "./database.ts";
import { makeMonths, monthsOf } from "./months.ts";
import { checkedRow, checkNames } from "../row-check.ts";
import type { SqlValue } from "../types.ts";

/** Where the statements are sent: the database, or a transaction in it. */
export interface InsertTarget {
  query(sql: string, parameters?: readonly unknown[]): Promise<Pick<PostgresResult, "rows" | "numAffectedRows">>;
}

export interface PostgresInserter {
  /** Inserts all rows in one statement, or none. @returns how many rows were new. */
  insert(target: InsertTarget, table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[]): Promise<number>;
  /** Like `insert`, in a transaction, which can still be used if the insert fails. */
  insertWithin(target: InsertTarget, table: string, columns: readonly string[], rows: readonly (readonly SqlValue[])[]): Promise<number>;
}

/**
 * Bulk inserts with one array per column: the statement's text is the same for any number of rows, and there is no limit on that number. If a usage
 * entry's month has no partition, the partition is made.
 */
export function createPostgresInserter(): PostgresInserter {
  const typesByTable = new Map<string, ReadonlyMap<string, string>>();
  const typesOf = async (target: InsertTarget, table: string): Promise<ReadonlyMap<string, string>> => {
    const known = typesByTable.get(table);
    if (known !== undefined) return known;
    const found = await target.query(findTypes, [table]);
    const types = new Map(found.rows.map((row) => [String(row["name"]), String(row["type"])]));
    typesByTable.set(table, types);
    return types;
  };
  /** The statement and its values. Made before anything is sent, so that an invalid row breaks nothing. */
  const prepare = async (
    target: InsertTarget,
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
  ): Promise<Insert> => {
    checkNames(table, columns);
    const values = valuesByColumn(columns.length, rows);
    const types = await typesOf(target, table);
    const arrays = columns.map((column, i) => `$${i + 1}::${types.get(column) ?? "text"}[]`).join(", ");
    return { sql: `insert into ${table} (${columns.join(", ")}) select * from unnest(${arrays}) on conflict do nothing`, values };
  };
  /** @returns false if the error has another cause. */
  const madeMonths = async (target: InsertTarget, error: unknown, columns: readonly string[], { values }: Insert): Promise<boolean> => {
    if (!isMissingPartition(error)) return false;
    await makeMonths(target, monthsOf(values[columns.indexOf("time_ms")]!.map(Number)));
    return true;
  };

  return {
    async insert(target, table, columns, rows) {
      const insert = await prepare(target, table, columns, rows);
      try {
        return await run(target, insert);
      } catch (error) {
        if (!(await madeMonths(target, error, columns, insert))) throw error;
        return await run(target, insert);
      }
    },
    async insertWithin(target, table, columns, rows) {
      const insert = await prepare(target, table, columns, rows);
      const attempt = async (): Promise<number> => {
        await target.query("savepoint insert_rows");
        try {
          const added = await run(target, insert);
          await target.query("release savepoint insert_rows");
          return added;
        } catch (error) {
          // This fails too if the connection broke; the caller gets the first error.
          await target.query("rollback to savepoint insert_rows").catch(() => {});
          throw error;
        }
      };
      try {
        return await attempt();
      } catch (error) {
        if (!(await madeMonths(target, error, columns, insert))) throw error;
        return await attempt();
      }
    },
  };
}

async function run(target: InsertTarget, { sql, values }: Insert): Promise<number> {
  return Number((await target.query(sql, values)).numAffectedRows ?? 0n);
}

function valuesByColumn(count: number, rows: readonly (readonly SqlValue[])[]): readonly SqlValue[][] {
  const values = Array.from({ length: count }, (): SqlValue[] => []);
  for (let at = 0; at < rows.length; at++) {
    const row = checkedRow(rows, at, count);
    for (let column = 0; column < row.length; column++) values[column]!.push(row[column]!);
  }
  return values;
}

interface Insert {
  readonly sql: string;
  readonly values: readonly SqlValue[][];
}

const findTypes = `
select attname as name, format_type(atttypid, atttypmod) as type
from pg_attribute where attrelid = cast($1 as text)::regclass and attnum > 0 and not attisdropped`;
