import { DatabaseSync } from "node:sqlite";
import { createPostgresDatabase, defaultTimeouts, type PostgresSession } from "./postgres/database.ts";
import type { PostgresPlace } from "./postgres/place.ts";
import { explainSqliteError } from "./store-error.ts";
import type { SqlValue } from "./types.ts";

export type DumpRow = Readonly<Record<string, SqlValue>>;

/** A database that is read as it was at one moment, while others write to it. */
export interface DumpSource {
  readonly dialect: "sqlite" | "postgresql";
  /** One query. Until `freeze` it sees what others have committed. */
  query(sql: string): Promise<readonly DumpRow[]>;
  /** From now on, all reads see the database as it is at this moment. */
  freeze(): Promise<void>;
  /** The rows of a query, in pages. */
  pages(sql: string, pageRows: number): AsyncGenerator<readonly DumpRow[]>;
  close(): Promise<void>;
}

/** Opens a SQLite file for reading. A writer is not held up; its write-ahead log grows until this is closed. @throws StoreError */
export function openSqliteDump(path: string): DumpSource {
  const explained = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw explainSqliteError(error, path);
    }
  };
  const database = explained(() => new DatabaseSync(path, { readOnly: true, timeout: 5000, readBigInts: true }));
  return {
    dialect: "sqlite",
    query: async (sql) => explained(() => database.prepare(sql).all().map(readSqliteRow)),
    async freeze() {
      // A transaction begins with its first read.
      explained(() => database.exec("begin; select count(*) from sqlite_schema"));
    },
    async *pages(sql, pageRows) {
      let page: DumpRow[] = [];
      const rows = explained(() => database.prepare(sql).iterate());
      for (;;) {
        const { value, done } = explained(() => rows.next());
        if (done === true) break;
        page.push(readSqliteRow(value));
        if (page.length < pageRows) continue;
        yield page;
        page = [];
      }
      if (page.length > 0) yield page;
    },
    async close() {
      database.close();
    },
  };
}

/** As `Store` returns rows: whole numbers are numbers, money is a bigint by the column's name. */
function readSqliteRow(row: Record<string, unknown>): DumpRow {
  const read: Record<string, SqlValue> = {};
  for (const [name, value] of Object.entries(row)) {
    if (typeof value !== "bigint" || name.endsWith("_nano_usd")) {
      read[name] = value as SqlValue;
      continue;
    }
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new RangeError(`The column ${name} holds ${value}, which is past what a number can hold.`);
    read[name] = number;
  }
  return read;
}

/** Connects to a PostgreSQL database for reading. @throws StoreError */
export async function openPostgresDump(place: PostgresPlace): Promise<DumpSource> {
  const database = await createPostgresDatabase(place, 2, defaultTimeouts);
  let frozen: PostgresSession | undefined;
  const ask = async (sql: string): Promise<readonly DumpRow[]> =>
    (await (frozen === undefined ? database.query(sql) : frozen.query(sql))).rows as DumpRow[];
  return {
    dialect: "postgresql",
    query: ask,
    async freeze() {
      // The time between two pages is the reader's, and a large table takes any time.
      frozen = await database.begin(
        "begin isolation level repeatable read read only; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0",
      );
      // The snapshot is taken by the first query.
      await frozen.query("select 1 as one");
    },
    async *pages(sql, pageRows) {
      if (frozen === undefined) throw new TypeError("Pages are read after freeze().");
      await frozen.script(`declare dump no scroll cursor for ${sql}`);
      for (;;) {
        const { rows } = await frozen.query(`fetch ${pageRows} from dump`);
        if (rows.length > 0) yield rows as DumpRow[];
        if (rows.length < pageRows) break;
      }
      await frozen.script("close dump");
    },
    async close() {
      frozen?.release(true);
      await database.close();
    },
  };
}
