import type { Kysely } from "kysely";
import type { Tables } from "./tables.ts";

export type SqlValue = string | number | bigint | null;

/**
 * A database with the project's schema. Kysely for queries; `insertRows` where many rows go in at once.
 *
 * Integers come as `number`, and a value past 2^53 is an error, not a wrong number. A result column whose name ends in `_nano_usd` comes as
 * `bigint`, exact to 64 bits: give sums of money such a name (`sum(cost_nano_usd) as cost_nano_usd`).
 *
 * On SQLite there is one connection, and an open transaction holds it: inside `db.transaction()` use the transaction it hands out, never the
 * store's `db` or a method without that transaction, or the two wait for each other for ever. Transactions take the write lock at once
 * (but `read only` ones), so keep them short and await nothing but the database in them. Long lists are read in pages by key, not streamed.
 *
 * On PostgreSQL it is the same to whoever uses it: transactions that write take turns, whichever gateway they are of. One that needs no turn, as each of its
 * statements holds for itself, says so with `setIsolationLevel("read committed")`. Truth comes as 1 or 0 there, too.
 */
export interface Store {
  readonly dialect: "sqlite" | "postgresql";
  readonly db: Kysely<Tables>;
  /**
   * Inserts rows into one table, all or none, skipping those whose key is there already. Much cheaper a row than a query builder.
   * In a transaction of its own, or inside `transaction` where one is given.
   * @returns how many rows were new.
   */
  insertRows(
    table: keyof Tables,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    transaction?: Kysely<Tables>,
  ): Promise<number>;
  /**
   * Deletes usage entries of before that time, as far as whole months go, where the database can drop a month at once; else it is not there. The mark
   * in `retention` must be there already.
   */
  dropUsageBefore?(timeMs: number): Promise<void>;
  /** Counts up with every change of users or keys, by any process. Cheap: a read by primary key. */
  readRevision(): Promise<number>;
  /** Says that users or keys have changed. Call it with the transaction of the change where there is one. */
  bumpRevision(transaction?: Kysely<Tables>): Promise<void>;
  /** One small read; the time it took in milliseconds. @throws what the database throws. */
  ping(): Promise<number>;
  /** Looks whether the files of the database are still those that were opened. Called about every second; does nothing on PostgreSQL. */
  inspect(): void;
  /** What the last look found wrong, for an operator: until it is mended, nothing is read or written. */
  readonly problem: string | undefined;
  /** Waits for what is under way. Calling it again does nothing. */
  close(): Promise<void>;
}
