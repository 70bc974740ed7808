import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from "kysely";
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { createLeaseDriver } from "../lease-driver.ts";
import type { SqliteDatabase } from "./database.ts";

/**
 * Kysely's SQLite dialect over node:sqlite. The compiler and introspector are Kysely's. The connection is our own, as node:sqlite takes parameters
 * one by one, has no `reader`, and must not block while another process writes.
 * @param onWritten called after each statement that has changed rows, perhaps in a transaction that is still open.
 */
export function createSqliteDialect(database: SqliteDatabase, onWritten: () => void): Dialect {
  return {
    createAdapter: () => new SharedConnectionAdapter(),
    createDriver: () => createDriver(database, onWritten),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** Kysely would give the connection to one user at a time, even to one that only waits. `SqliteDatabase` gives it to one transaction at a time. */
class SharedConnectionAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** One use of the connection, from acquire to release. */
interface Lease extends DatabaseConnection {
  inTransaction: boolean;
}

function createDriver(database: SqliteDatabase, onWritten: () => void): Driver {
  const end = (lease: Lease, how: "commit" | "rollback"): void => {
    database.end(how);
    lease.inTransaction = false;
  };
  return createLeaseDriver<Lease>({
    create: () => createLease(database, onWritten),
    async begin(lease, settings) {
      // A deferred transaction that reads and then writes fails at once if another process has written in between. So writers take the lock first.
      await database.begin(settings.accessMode === "read only" ? "deferred" : "immediate");
      lease.inTransaction = true;
    },
    async commit(lease) {
      end(lease, "commit");
    },
    async rollback(lease) {
      end(lease, "rollback");
    },
    release(lease) {
      if (lease.inTransaction) end(lease, "rollback");
    },
    close: () => database.close(),
  });
}

function createLease(database: SqliteDatabase, onWritten: () => void): Lease {
  const lease: Lease = {
    inTransaction: false,
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const result = lease.inTransaction ? database.executeWithin(sql, parameters) : await database.execute(sql, parameters);
      if (result.numAffectedRows !== undefined && result.numAffectedRows > 0n) onWritten();
      // The query builder's types say what a row is; the schema's STRICT tables guarantee it.
      return { ...result, rows: result.rows as R[] };
    },
    streamQuery() {
      throw new TypeError("SQLite has one connection, which a stream would occupy: read pages by key instead.");
    },
  };
  return lease;
}
