import type { DatabaseSync } from "node:sqlite";
import { retryWhileBusy } from "./error.ts";
import { createStatementCache } from "./statements.ts";
import { createFileWatch, type SqliteFileWatch } from "./file-watch.ts";
import { explainSqliteError } from "../store-error.ts";

export interface SqliteResult {
  readonly rows: Record<string, unknown>[];
  readonly numAffectedRows?: bigint;
  readonly insertId?: bigint;
}

/**
 * One connection, shared by the whole process. A transaction has the connection to itself from begin to commit; everything else waits. A wait for
 * another process's lock does not occupy the connection, so readers continue meanwhile. Errors of the file or the disk are `StoreError`s.
 */
export interface SqliteDatabase {
  readonly path: string;
  readonly native: DatabaseSync;
  /** While it reports a problem, no statement is executed. */
  readonly files: SqliteFileWatch;
  /** One statement outside any transaction. */
  execute(sql: string, parameters: readonly unknown[]): Promise<SqliteResult>;
  /** One statement inside the transaction that the caller has begun. */
  executeWithin(sql: string, parameters: readonly unknown[]): SqliteResult;
  /** Begins a transaction for the caller, who must call `end` with commit or rollback. */
  begin(mode: "deferred" | "immediate"): Promise<void>;
  /** If a commit fails, the transaction stays open for a rollback. A rollback without an open transaction does nothing. */
  end(how: "commit" | "rollback"): void;
  /** Runs `action` in a transaction of its own that takes the write lock first. All or nothing. */
  write<T>(action: () => T): Promise<T>;
  /** Waits for an open transaction. Does nothing if it is closed already. */
  close(): Promise<void>;
}

// A factory: its functions share one connection and its state.
// oxlint-disable-next-line max-lines-per-function
export function createSqliteDatabase(path: string, native: DatabaseSync, busyTimeoutMs: number): SqliteDatabase {
  const files = createFileWatch(path);
  const statements = createStatementCache(native);
  let openTransaction: PromiseWithResolvers<void> | undefined;

  const run = (sql: string, parameters: readonly unknown[] = []): SqliteResult => {
    const statement = statements.get(sql);
    if (statement.reader) return { rows: statement.all(parameters) };
    const { changes, lastInsertRowid } = statement.run(parameters);
    return { rows: [], numAffectedRows: changes, insertId: lastInsertRowid };
  };
  const explained = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw explainSqliteError(error, path);
    }
  };
  /** `action` is synchronous, so nothing runs between the end of the wait and the end of `action`. */
  const whenFree = async <T>(action: () => T): Promise<T> => {
    try {
      return await retryWhileBusy(busyTimeoutMs, async () => {
        for (let other = openTransaction; other !== undefined; other = openTransaction) await other.promise;
        files.check();
        return action();
      });
    } catch (error) {
      throw explainSqliteError(error, path);
    }
  };

  /** Called before each write: a write into a removed file would be lost. */
  const inspectFiles = (): void => {
    files.inspect();
    files.check();
  };

  return {
    path,
    native,
    files,
    execute: (sql, parameters) => whenFree(() => run(sql, parameters)),
    executeWithin: (sql, parameters) => explained(() => run(sql, parameters)),
    begin: (mode) =>
      whenFree(() => {
        if (mode === "immediate") inspectFiles();
        run(`begin ${mode}`);
        openTransaction = Promise.withResolvers();
      }),
    end(how) {
      try {
        // After some errors (a full disk) SQLite rolls back by itself; a second rollback would hide the first error.
        if (how === "commit" || native.isTransaction) explained(() => run(how));
      } finally {
        if (how === "rollback" || !native.isTransaction) {
          openTransaction?.resolve();
          openTransaction = undefined;
        }
      }
    },
    write: (action) =>
      whenFree(() => {
        inspectFiles();
        run("begin immediate");
        try {
          const result = action();
          run("commit");
          return result;
        } catch (error) {
          if (native.isTransaction) run("rollback");
          throw error;
        }
      }),
    async close() {
      for (let other = openTransaction; other !== undefined; other = openTransaction) await other.promise;
      if (native.isOpen) native.close();
    },
  };
}
