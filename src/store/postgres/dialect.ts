import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult, TransactionSettings } from "kysely";
import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from "kysely";
import { createLeaseDriver } from "../lease-driver.ts";
import type { PostgresDatabase, PostgresSession } from "./database.ts";

/**
 * Kysely's PostgreSQL dialect over `PostgresDatabase`. The compiler and introspector are Kysely's. The connection is our own, so that numbers are
 * returned as `Store` promises, a broken connection is replaced if nothing is lost by it, and transactions behave as on SQLite.
 */
export function createPostgresDialect(database: PostgresDatabase): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => createDriver(database),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

/** The key of the one lock that all writing transactions of all gateways on a database take. */
export const writeLock = 0x746f6b6c;

/**
 * Writing transactions run one after another, as on SQLite, so that what a transaction has read is still true when it writes. A transaction that
 * names an isolation level does not wait for its turn and has no such guarantee. A transaction that only reads sees the database as it was at its
 * beginning.
 */
function beginText({ accessMode, isolationLevel }: TransactionSettings): string {
  if (accessMode === "read only") return `begin isolation level ${isolationLevel ?? "repeatable read"} read only`;
  if (isolationLevel !== undefined) return `begin isolation level ${isolationLevel}`;
  return `begin; select pg_advisory_xact_lock(${writeLock})`;
}

/** One use of the database, from acquire to release. A connection is taken for a transaction, and for each statement outside one. */
interface Lease extends DatabaseConnection {
  transaction: PostgresSession | undefined;
  over: boolean;
}

function createDriver(database: PostgresDatabase): Driver {
  return createLeaseDriver<Lease>({
    create: () => createLease(database),
    async begin(lease, settings) {
      lease.transaction = await database.begin(beginText(settings), database.turnMs);
    },
    async commit(lease) {
      // This is the server's answer to the commit of a transaction in which a statement has failed.
      if ((await end(lease, "commit")) === "ROLLBACK") throw new Error("A statement of the transaction had failed: all of it is undone.");
    },
    async rollback(lease) {
      // If the connection broke, the server has rolled back. The caller gets the error that led here, not this one.
      await end(lease, "rollback").catch(() => {});
    },
    release(lease) {
      lease.over = true;
      lease.transaction?.release(true);
    },
    close: () => database.close(),
  });
}

/** Whatever a failed end leaves behind, the server undoes when the connection is closed. */
async function end(lease: Lease, how: "commit" | "rollback"): Promise<string | undefined> {
  const { transaction } = lease;
  lease.transaction = undefined;
  let ended = false;
  try {
    const done = await transaction?.query(how);
    ended = true;
    return done?.command;
  } finally {
    transaction?.release(!ended);
  }
}

function createLease(database: PostgresDatabase): Lease {
  const lease: Lease = {
    transaction: undefined,
    over: false,
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      if (lease.over) throw new TypeError("The transaction is over.");
      const { rows, numAffectedRows } = await (lease.transaction ?? database).query(sql, parameters);
      // The query builder's types say what a row is; the schema's types guarantee it.
      return { rows: rows as R[], ...(numAffectedRows === undefined ? {} : { numAffectedRows }) };
    },
    streamQuery() {
      throw new TypeError("A stream would occupy a connection: read pages by key instead.");
    },
  };
  return lease;
}
