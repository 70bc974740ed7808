import type { PostgresDatabase } from "./database.ts";

/** The database or a transaction in which partitions are made. */
export interface Queryable {
  query(sql: string, parameters?: readonly unknown[]): Promise<unknown>;
}

/** One month, UTC, of a table that has a partition per month. */
export interface Month {
  /** The partition's name, as in `usage_entries_y2026m11`. */
  readonly name: string;
  /** The month's first millisecond, and the first of the next month. */
  readonly startMs: number;
  readonly endMs: number;
}

/** @throws RangeError if a date cannot have this time. */
export function monthOf(timeMs: number): Month {
  const date = new Date(timeMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const endMs = startOf(year, month + 1);
  if (!Number.isFinite(endMs)) throw new RangeError(`A usage entry cannot be of the time ${timeMs}: it is in no month.`);
  return { name: `usage_entries_y${year}m${String(month + 1).padStart(2, "0")}`, startMs: startOf(year, month), endMs };
}

/** `Date.UTC` reads the years 0 to 99 as 1900 to 1999. */
function startOf(year: number, month: number): number {
  return new Date(0).setUTCFullYear(year, month, 1);
}

/** The months of these times, each once. */
export function monthsOf(timesMs: Iterable<number>): readonly Month[] {
  const months: Month[] = [];
  for (const timeMs of timesMs) {
    if (!months.some(({ startMs, endMs }) => startMs <= timeMs && timeMs < endMs)) months.push(monthOf(timeMs));
  }
  return months;
}

/** Makes the partitions that do not exist yet. */
export async function makeMonths(database: Queryable, months: readonly Month[]): Promise<void> {
  for (const { name, startMs, endMs } of months) {
    await database.query("select usage_entries_make_month($1, $2, $3)", [name, startMs, endMs]);
  }
}

/** This month and the two after it. */
export function monthsAhead(nowMs: number): readonly Month[] {
  const first = monthOf(nowMs);
  const second = monthOf(first.endMs);
  return [first, second, monthOf(second.endMs)];
}

const findMonths = `
select relname as name from pg_catalog.pg_inherits join pg_catalog.pg_class on pg_class.oid = inhrelid
where inhparent = 'usage_entries'::regclass`;

/**
 * Drops the partitions of months that end at that time or before. The retention mark must be there already. A drop needs the table exclusively for a
 * moment: if another session uses it for longer than the lock's timeout, the months stay, and the next call drops them.
 */
export async function dropMonthsBefore(database: Pick<PostgresDatabase, "query">, timeMs: number): Promise<void> {
  const { rows } = await database.query(findMonths);
  for (const { name } of rows) {
    const [, year, month] = /^usage_entries_y(-?\d+)m(\d+)$/.exec(String(name)) ?? [];
    if (month === undefined || startOf(Number(year), Number(month)) > timeMs) continue;
    await database.query(`drop table if exists "${String(name)}"`);
  }
}
