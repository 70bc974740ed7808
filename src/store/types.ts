import type { Kysely } from "kysely";
import type { Tables } from "./tables.ts";

export type SqlValue = string | number | bigint | null;

/**
 * A database with the project's schema. Kysely is for queries, `insertRows` for many rows at once.
 *
 * Integers are returned as `number`, and a value past 2^53 is an error, not a wrong number. A result column whose name ends in `_nano_usd` is
 * returned as `bigint`, exact to 64 bits: give sums of money such a name (`sum(cost_nano_usd) as cost_nano_usd`).
 *
 * SQLite has one connection, and an open transaction occupies it. Inside `db.transaction()` use the transaction that it passes, never the store's
 * `db` or a method without that transaction: the two would wait for each other for ever. Transactions take the write lock at once (except `read only`
 * ones), so keep them short and await only the database in them. Read long lists in pages by key, not as a stream.
 *
 * PostgreSQL behaves the same for its users: writing transactions run one after another, also those of different gateways. A transaction whose
 * statements are independent of each other can skip that wait with `setIsolationLevel("read committed")`. Booleans are 1 or 0 there, too.
 */
export interface Store {
  readonly dialect: "sqlite" | "postgresql";
  readonly db: Kysely<Tables>;
  /**
   * For reads that may take long, as reports and exports do: SQLite does them in a thread of its own, so that no request waits for them. It sees what has been
   * committed, and has no transactions. The same as `db` on PostgreSQL.
   */
  readonly reader: Kysely<Tables>;
  /**
   * Inserts rows into one table, all or none. Rows whose key exists already are skipped. Much cheaper per row than a query builder. It uses its own
   * transaction, or `transaction` if one is given.
   * @returns how many rows were new.
   */
  insertRows(
    table: keyof Tables,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    transaction?: Kysely<Tables>,
  ): Promise<number>;
  /**
   * Deletes usage entries from before that time, in whole months. It exists only if the database can drop a month at once. The mark in `retention`
   * must be there already.
   */
  dropUsageBefore?(timeMs: number): Promise<void>;
  /** A counter that grows with every change of users or keys, by any process. Cheap: one read by primary key. */
  readRevision(): Promise<number>;
  /** Records that users or keys have changed. Call it with the transaction of the change if there is one. */
  bumpRevision(transaction?: Kysely<Tables>): Promise<void>;
  /** One small read. @returns the time that it took, in milliseconds. @throws what the database throws. */
  ping(): Promise<number>;
  /** Checks whether the files of the database are still those that were opened. Called about once a second; does nothing on PostgreSQL. */
  inspect(): void;
  /** What the last check found wrong, in words for an operator. Until it is repaired, nothing is read or written. */
  readonly problem: string | undefined;
  /**
   * Ends all waiting for a server: calls that wait for one fail, and so do all that come later. For the end of a process whose database does not
   * answer. Does nothing on SQLite, where every wait is short.
   */
  abort(): void;
  /** Waits for active calls, on PostgreSQL for at most two seconds. Calling it again does nothing. */
  close(): Promise<void>;
}
