import type { FieldDef } from "pg";

/** Ids of types in the system catalogue (pg_type.dat of PostgreSQL 18; they never change). */
const bool = 16;
const int8 = 20;
const numbers = new Set([21, 23, 26, 700, 701]);
const numeric = 1700;

type Read = (text: string) => unknown;

/**
 * Converts rows from the wire's texts, as `Store` promises: whole numbers are numbers, money is a bigint by the column's name. A sum of bigints is
 * `numeric` in PostgreSQL and is read as a whole number; booleans are 1 or 0, as in SQLite.
 */
export function readRows(fields: readonly FieldDef[], rows: readonly (readonly (string | null)[])[]): Record<string, unknown>[] {
  const readers = fields.map(readerOf);
  return rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (let i = 0; i < fields.length; i++) {
      const value = values[i]!;
      row[fields[i]!.name] = value === null ? null : readers[i]!(value);
    }
    return row;
  });
}

function readerOf({ name, dataTypeID }: FieldDef): Read {
  if (name.endsWith("_nano_usd")) return (text) => readMoney(name, text);
  if (dataTypeID === int8 || dataTypeID === numeric) return (text) => readWhole(name, text);
  if (numbers.has(dataTypeID)) return Number;
  if (dataTypeID === bool) return (text) => (text === "t" ? 1 : 0);
  return (text) => text;
}

function readMoney(name: string, text: string): bigint {
  if (!/^-?\d+$/.test(text)) throw new RangeError(`The column ${name} holds ${text}, not a whole number of nano-USD.`);
  return BigInt(text);
}

function readWhole(name: string, text: string): number {
  const number = Number(text);
  if (!text.includes(".") && !Number.isSafeInteger(number)) {
    throw new RangeError(`The column ${name} holds ${text}, which is past what a number can hold.`);
  }
  return number;
}

/**
 * A value for the wire. PostgreSQL does not accept the character NUL in a text, and clients may send one: it becomes U+FFFD, so that no row is
 * refused because of it.
 */
export function toPostgres(value: unknown): string | number | bigint | null {
  switch (typeof value) {
    case "string":
      return value.includes("\0") ? value.replaceAll("\0", "\uFFFD") : value;
    case "number":
    case "bigint":
      return value;
    default:
      if (value === null) return null;
      throw new TypeError(`A query's value is of type ${typeof value}. Give text, a number, a bigint or null.`);
  }
}
