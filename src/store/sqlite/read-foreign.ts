import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** The rows of some tables of another program's SQLite file, which is only read. A table that is not there has none. @throws Error if it is no such file. */
export function readForeignSqlite(path: string, tables: readonly string[]): Readonly<Record<string, readonly Record<string, unknown>[]>> {
  if (!existsSync(path)) return Object.fromEntries(tables.map((table) => [table, []]));
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const present = new Set(
      database
        .prepare("select name from sqlite_schema where type = 'table'")
        .all()
        .map((row) => row["name"]),
    );
    const rowsOf = (table: string): Record<string, unknown>[] =>
      present.has(table)
        ? database
            .prepare(`select * from "${table}" order by rowid`)
            .all()
            .map((row) => ({ ...row }))
        : [];
    return Object.fromEntries(tables.map((table) => [table, rowsOf(table)]));
  } finally {
    database.close();
  }
}
