import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";

/** The number of prepared statements that are kept. The program has fewer texts; lists of changing length could make more. */
const cacheSize = 256;

export interface PreparedStatement {
  /** The statement returns rows. */
  readonly reader: boolean;
  all(parameters: readonly unknown[]): Record<string, unknown>[];
  run(parameters: readonly unknown[]): { readonly changes: bigint; readonly lastInsertRowid: bigint };
}

interface Column {
  readonly name: string;
  readonly isMoney: boolean;
}

export interface StatementCache {
  get(sql: string): PreparedStatement;
}

/**
 * Prepared statements by their text; past 256 the oldest is dropped. Values that go in: a whole number is bound as an integer (node:sqlite binds
 * every number as a real, so that `7 / ?` would be 3.5). Values that come out: as `Store` promises. A statement reads its integers as bigint only if
 * one of its columns is money, so that all others are read at full speed.
 */
export function createStatementCache(database: DatabaseSync): StatementCache {
  const statements = new Map<string, PreparedStatement>();
  return {
    get(sql) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const made = prepare(database, sql);
      if (statements.size >= cacheSize) {
        for (const oldest of statements.keys()) {
          statements.delete(oldest);
          break;
        }
      }
      statements.set(sql, made);
      return made;
    },
  };
}

function prepare(database: DatabaseSync, sql: string): PreparedStatement {
  const statement = database.prepare(sql);
  const reader = statement.columns().length > 0;
  const columns = readMoney(statement);
  return {
    reader,
    all: (parameters) => statement.all(...parameters.map(toSqlite)).map((row) => fromSqlite(row, columns)),
    run(parameters) {
      const { changes, lastInsertRowid } = statement.run(...parameters.map(toSqlite));
      return { changes: BigInt(changes), lastInsertRowid: BigInt(lastInsertRowid) };
    },
  };
}

function isMoney(column: string): boolean {
  return column.endsWith("_nano_usd");
}

/** The statement's columns if one of them is money: then it reads all its integers as bigint from now on. Otherwise none. */
function readMoney(statement: StatementSync): readonly Column[] {
  const columns = statement.columns().map(({ name }) => ({ name, isMoney: isMoney(name) }));
  if (!columns.some((column) => column.isMoney)) return [];
  statement.setReadBigInts(true);
  return columns;
}

function toSqlite(value: unknown): SQLInputValue {
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case "string":
    case "bigint":
      return value;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      throw new TypeError(`A query's value is of type ${typeof value}. Give text, a number, a bigint, bytes or null.`);
  }
}

/**
 * A plain object (node:sqlite's rows have no prototype), with bigint for money and number for everything else.
 * @param columns those of a statement that reads money; of others, nothing changes.
 */
function fromSqlite(row: Record<string, SQLOutputValue>, columns: readonly Column[]): Record<string, unknown> {
  const out: Record<string, unknown> = { ...row };
  for (const { name, isMoney: isExact } of columns) {
    const value = out[name];
    if (isExact) {
      if (typeof value !== "bigint" && value !== null) {
        throw new RangeError(`The column ${name} holds ${typeof value}, not a whole number of nano-USD.`);
      }
    } else if (typeof value === "bigint") {
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw new RangeError(`The column ${name} holds ${value}, which is past what a number can hold.`);
      out[name] = number;
    }
  }
  return out;
}
