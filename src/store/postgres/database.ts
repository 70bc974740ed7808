import { setTimeout as delay } from "node:timers/promises";
import { Socket } from "node:net";
import type { ClientBase, PoolClient, PoolConfig, QueryConfig } from "pg";
import { StoreError } from "../store-error.ts";
import { brokenOff, explainPostgresError, isOutage, isSilence, isUnsent, type PostgresNames } from "./error.ts";
import { describePlace, readTls, type PostgresPlace } from "./place.ts";
import { readRows, toPostgres } from "./values.ts";

/** Each value of an array becomes a row of `unnest`. */
export type PostgresValue = string | number | bigint | null;

export interface PostgresResult {
  readonly rows: Record<string, unknown>[];
  readonly numAffectedRows?: bigint;
  /** The server's name for the command: `SELECT`, `COMMIT`, … */
  readonly command: string;
}

/** One connection, until it is released. */
export interface PostgresSession {
  /** One statement with its values, each a value or an array of values. */
  query(sql: string, parameters?: readonly unknown[]): Promise<PostgresResult>;
  /** Several statements without values. Their time limit is the server's, unless `timeoutMs` is given. */
  script(sql: string, timeoutMs?: number): Promise<void>;
  /** `discard`: closes the connection, because its state is unknown. A broken connection is always closed. */
  release(discard?: boolean): void;
}

export interface PostgresDatabase {
  /** `tokligence on db.example.com:5432`. */
  readonly place: string;
  /** Milliseconds that a statement waits for another session's lock. */
  readonly lockMs: number;
  /** Milliseconds that the client waits for the begin of a writing transaction, which takes turns with others. */
  readonly turnMs: number;
  /** One statement outside any transaction. If the connection breaks, a statement that only reads, or was never sent, is sent again. */
  query(sql: string, parameters?: readonly unknown[]): Promise<PostgresResult>;
  /** A connection for the caller alone. Waits for a free one, and for a server that is down to come back. */
  acquire(): Promise<PostgresSession>;
  /** Like `acquire`, with `begin` executed. If the connection breaks at `begin`, another one is used. `timeoutMs`: of one try, as in `script`. */
  begin(begin: string, timeoutMs?: number): Promise<PostgresSession>;
  /**
   * Waits until all connections are released, but not longer than `closeMs`: then they are cut, and what still waits for the server fails. Does nothing
   * if it is closed already.
   */
  close(): Promise<void>;
  /** Cuts all connections. Whatever waits for the server fails, and so does every call from now on. */
  abort(): void;
}

/** In milliseconds. */
export interface PostgresTimeouts {
  /** For a connection, also during a restart of the server: 10,000. */
  readonly connectMs: number;
  /** For one statement: 60,000. */
  readonly statementMs: number;
  /** For the lock of another session: 10,000. */
  readonly lockMs: number;
  /** For active calls when the database is closed: 2,000. */
  readonly closeMs: number;
}

export const defaultTimeouts: PostgresTimeouts = { connectMs: 10_000, statementMs: 60_000, lockMs: 10_000, closeMs: 2000 };

/** A server that does not answer at all, because it is frozen or the network is down, does not end its own statements. The client waits longer by this. */
const graceMs = 5000;

/** While a transaction is open, its owner awaits only the database. A transaction that is idle for this time belongs to a process that hangs. */
const idleInTransactionMs = 30_000;
/** Wait between two tries to reach a server that is down: the first, doubled up to the second. */
const retryMs = [50, 800] as const;

/**
 * A pool of connections; none is made yet. The driver is loaded here, so that installations without PostgreSQL do not pay for it.
 * @throws StoreError that says what to do, from every method.
 */
// A factory: its functions share one pool and its state.
// oxlint-disable-next-line max-lines-per-function
export async function createPostgresDatabase(place: PostgresPlace, pool: number, timeouts: PostgresTimeouts): Promise<PostgresDatabase> {
  const { Pool } = (await import("pg")).default;
  const names: PostgresNames = {
    place: describePlace(place),
    username: place.username,
    database: place.database,
    hasPassword: (place.password?.reveal() ?? "") !== "",
  };
  const sockets = new Set<Socket>();
  const stream = (): Socket => {
    const socket = new Socket();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };
  const connections = new Pool({ ...poolConfig(place, pool, timeouts), stream });
  // A connection that breaks emits an event, which would end the process without a listener. The next user of the connection gets the error.
  connections.on("error", () => {});
  connections.on("connect", (client) => void client.on("error", () => {}));
  let reached = false;
  let closing: Promise<void> | undefined;
  let aborted = false;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };

  /** At first the server must be there. Once it has answered, later calls wait for it. */
  const connect = async (): Promise<PoolClient> => {
    let pauseMs: number = retryMs[0];
    for (let waitedMs = 0; ; waitedMs += pauseMs, pauseMs = Math.min(pauseMs * 2, retryMs[1])) {
      try {
        if (aborted) throw new Error(brokenOff);
        const client = await connections.connect();
        reached = true;
        return client;
      } catch (error) {
        const mayReturn = isOutage(error) && (reached || isStarting(error));
        if (!mayReturn || closing !== undefined || aborted || waitedMs + pauseMs > timeouts.connectMs)
          throw explainPostgresError(error, names);
      }
      await delay(pauseMs);
    }
  };
  const acquire = async (): Promise<PostgresSession> => createSession(await connect(), names);

  return {
    place: names.place,
    lockMs: timeouts.lockMs,
    turnMs: timeouts.lockMs + graceMs,
    acquire,
    async query(sql, parameters) {
      for (let attempt = 1; ; attempt++) {
        const session = await acquire();
        let broken = false;
        try {
          return await session.query(sql, parameters);
        } catch (error) {
          broken = isOutage(error);
          if (!broken || aborted || attempt === maxAttempts || !(isUnsent(causeOf(error)) || /^\s*select\b/i.test(sql))) throw error;
        } finally {
          session.release(broken);
        }
      }
    },
    async begin(begin, timeoutMs) {
      for (let attempt = 1; ; attempt++) {
        const session = await acquire();
        try {
          await session.script(begin, timeoutMs);
          return session;
        } catch (error) {
          session.release(true);
          if (!isOutage(error) || aborted || attempt === maxAttempts) throw error;
        }
      }
    },
    close() {
      closing ??= endOrGiveUp(connections.end(), timeouts.closeMs, cut);
      return closing;
    },
    abort() {
      aborted = true;
      cut();
    },
  };
}

/** @param cut called in any case: the driver leaves a connection open on which it did not log in, and the server waits a minute for it. */
async function endOrGiveUp(ended: Promise<void>, closeMs: number, cut: () => void): Promise<void> {
  const limit = setTimeout(cut, closeMs);
  try {
    await ended;
  } finally {
    clearTimeout(limit);
    cut();
  }
}

/** After a restart of the server all connections of the pool may be dead, but their own events remove most of them at once. */
const maxAttempts = 5;

function createSession(client: PoolClient, names: PostgresNames): PostgresSession {
  let released = false;
  /** A statement had no answer in time. What it still does on the server is unknown, so the connection is closed. */
  let silent: StoreError | undefined;
  const release = (discard: boolean): void => {
    if (released) return;
    released = true;
    client.release(discard);
  };
  const run = async <T>(action: () => Promise<T>): Promise<T> => {
    if (silent !== undefined) throw silent;
    if (released) throw new TypeError("The connection has been released: the transaction is over.");
    try {
      return await action();
    } catch (error) {
      const explained = explainPostgresError(error, names);
      if (isSilence(error) && explained instanceof StoreError) {
        silent = explained;
        release(true);
      }
      throw explained;
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
    script: (sql, timeoutMs = noLimitMs) => run(async () => void (await client.query(timed(sql, timeoutMs)))),
    release: (discard = false) => {
      release(discard);
    },
  };
}

/** The longest time of a timer. */
const noLimitMs = 0x7fffffff;

/** The driver accepts a time limit per query, which its types do not declare. */
function timed(text: string, timeoutMs: number): QueryConfig {
  const config: QueryConfig & { readonly query_timeout: number } = { text, query_timeout: timeoutMs };
  return config;
}

/** Values are converted by the name of their column, which the driver does not pass to its parsers. */
const asTexts = { getTypeParser: () => (text: string) => text };

/** Limits of time of a connection's statements, set before the connection is handed out. PgBouncer refuses them as parameters of the start. */
async function setLimits(client: ClientBase, { statementMs, lockMs }: PostgresTimeouts): Promise<void> {
  await client.query(
    `set statement_timeout = ${statementMs}; set lock_timeout = ${lockMs}; set idle_in_transaction_session_timeout = ${idleInTransactionMs}`,
  );
}

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
    connectionTimeoutMillis: place.connectTimeoutMs ?? timeouts.connectMs,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    query_timeout: timeouts.statementMs + graceMs,
    application_name: place.applicationName ?? "tokligence",
    ...(place.options === undefined ? {} : { options: place.options }),
    ...(place.channelBinding === undefined ? {} : { enableChannelBinding: place.channelBinding }),
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it, which its types do not say
    onConnect: (client) => setLimits(client, timeouts),
  };
}

function isStarting(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "57P03";
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
