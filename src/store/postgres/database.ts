import { setTimeout as delay } from "node:timers/promises";
import type { PoolClient, PoolConfig, QueryConfig } from "pg";
import { explainPostgresError, isOutage, isUnsent, type PostgresNames } from "./error.ts";
import { describePlace, readTls, type PostgresPlace } from "./place.ts";
import { readRows, toPostgres } from "./values.ts";

/** Of an array each value becomes a row of `unnest`. */
export type PostgresValue = string | number | bigint | null;

export interface PostgresResult {
  readonly rows: Record<string, unknown>[];
  readonly numAffectedRows?: bigint;
  /** As the server names what it did: `SELECT`, `COMMIT`, … */
  readonly command: string;
}

/** One connection, until it is released. */
export interface PostgresSession {
  /** One statement with its values, each a value or an array of values. */
  query(sql: string, parameters?: readonly unknown[]): Promise<PostgresResult>;
  /** Several statements without values, which may take as long as the server lets them. */
  script(sql: string): Promise<void>;
  /** `discard`: the connection is closed, as nobody knows what state it is in. One that broke always is. */
  release(discard?: boolean): void;
}

export interface PostgresDatabase {
  /** `tokligence on db.example.com:5432`. */
  readonly place: string;
  /** One statement outside any transaction. One that reads, or never went out, is sent again where the connection broke. */
  query(sql: string, parameters?: readonly unknown[]): Promise<PostgresResult>;
  /** A connection of the caller's own; waits for a free one, and for a server that is gone to come back. */
  acquire(): Promise<PostgresSession>;
  /** As `acquire`, with `begin` done. Where the connection breaks at that, another is taken. */
  begin(begin: string): Promise<PostgresSession>;
  /** Waits until all connections are released. Does nothing when closed already. */
  close(): Promise<void>;
}

/** In milliseconds. */
export interface PostgresTimeouts {
  /** For a connection, also while the server is being restarted: 10,000. */
  readonly connectMs: number;
  /** For one statement: 60,000. */
  readonly statementMs: number;
  /** For another session's lock: 10,000. */
  readonly lockMs: number;
}

export const defaultTimeouts: PostgresTimeouts = { connectMs: 10_000, statementMs: 60_000, lockMs: 10_000 };

/** A transaction's owner awaits nothing but the database in it: one that is idle for so long belongs to a process that hangs. */
const idleInTransactionMs = 30_000;
/** Between two tries to reach a server that is gone; doubled up to the second. */
const retryMs = [50, 800] as const;

/**
 * A pool of connections, all unmade so far. The driver is loaded here, so that nobody else pays for it.
 * @throws StoreError that says what to do, from every method.
 */
export async function createPostgresDatabase(place: PostgresPlace, pool: number, timeouts: PostgresTimeouts): Promise<PostgresDatabase> {
  const { Pool } = (await import("pg")).default;
  const names: PostgresNames = { place: describePlace(place), username: place.username, database: place.database };
  const connections = new Pool(poolConfig(place, pool, timeouts));
  // A connection that breaks tells so by an event, which would end the process if nobody listened. Whoever uses it next, or waits for it, gets the error.
  connections.on("error", () => {});
  connections.on("connect", (client) => void client.on("error", () => {}));
  let reached = false;
  let closing: Promise<void> | undefined;

  /** At first the server must be there; once it has been, it is waited for. */
  const connect = async (): Promise<PoolClient> => {
    let pauseMs: number = retryMs[0];
    for (let waitedMs = 0; ; waitedMs += pauseMs, pauseMs = Math.min(pauseMs * 2, retryMs[1])) {
      try {
        const client = await connections.connect();
        reached = true;
        return client;
      } catch (error) {
        const mayReturn = isOutage(error) && (reached || isStarting(error));
        if (!mayReturn || closing !== undefined || waitedMs + pauseMs > timeouts.connectMs) throw explainPostgresError(error, names);
      }
      await delay(pauseMs);
    }
  };
  const acquire = async (): Promise<PostgresSession> => createSession(await connect(), names);

  return {
    place: names.place,
    acquire,
    async query(sql, parameters) {
      for (let attempt = 1; ; attempt++) {
        const session = await acquire();
        let broken = false;
        try {
          return await session.query(sql, parameters);
        } catch (error) {
          broken = isOutage(error);
          if (!broken || attempt === maxAttempts || !(isUnsent(causeOf(error)) || /^\s*select\b/i.test(sql))) throw error;
        } finally {
          session.release(broken);
        }
      }
    },
    async begin(begin) {
      for (let attempt = 1; ; attempt++) {
        const session = await acquire();
        try {
          await session.script(begin);
          return session;
        } catch (error) {
          session.release(true);
          if (!isOutage(error) || attempt === maxAttempts) throw error;
        }
      }
    },
    close() {
      closing ??= connections.end();
      return closing;
    },
  };
}

/** After a restart as many connections of the pool may be dead as it holds, but each of them is found out by its own event in no time. */
const maxAttempts = 5;

function createSession(client: PoolClient, names: PostgresNames): PostgresSession {
  let released = false;
  const run = async <T>(action: () => Promise<T>): Promise<T> => {
    if (released) throw new TypeError("The connection has been released: the transaction is over.");
    try {
      return await action();
    } catch (error) {
      throw explainPostgresError(error, names);
    }
  };
  return {
    query: (sql, parameters = []) =>
      run(async () => {
        const values = parameters.map((value) => (Array.isArray(value) ? value.map(toPostgres) : toPostgres(value)));
        const result = await client.query<(string | null)[]>({ text: sql, values, rowMode: "array", types: asTexts });
        return {
          rows: readRows(result.fields, result.rows),
          command: result.command,
          ...(result.rowCount === null ? {} : { numAffectedRows: BigInt(result.rowCount) }),
        };
      }),
    script: (sql) => run(async () => void (await client.query(untimed(sql)))),
    release(discard = false) {
      if (released) return;
      released = true;
      client.release(discard);
    },
  };
}

/** The driver takes a limit of a query's own, which its types do not know. */
function untimed(text: string): QueryConfig {
  const config: QueryConfig & { readonly query_timeout: number } = { text, query_timeout: 0x7fffffff };
  return config;
}

/** Values are read by the name of their column, which the driver does not tell its parsers. */
const asTexts = { getTypeParser: () => (text: string) => text };

function poolConfig(place: PostgresPlace, pool: number, timeouts: PostgresTimeouts): PoolConfig {
  const { host, port, database, username, password, tls } = place;
  return {
    host,
    port,
    database,
    user: username,
    ...(password === undefined ? {} : { password: password.reveal() }),
    ssl: readTls(tls),
    max: pool,
    connectionTimeoutMillis: timeouts.connectMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    statement_timeout: timeouts.statementMs,
    // A server that does not answer at all, as where the network is cut, does not end its own statements.
    query_timeout: timeouts.statementMs + 5000,
    lock_timeout: timeouts.lockMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    application_name: "tokligence",
  };
}

function isStarting(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "57P03";
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
