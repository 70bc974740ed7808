import { once } from "node:events";
import { Worker } from "node:worker_threads";
import {
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
} from "kysely";
import { threadProgram } from "../../core/index.ts";
import { createLeaseDriver } from "../lease-driver.ts";
import { explainSqliteError } from "../store-error.ts";
import type { Tables } from "../tables.ts";
import type { ReadAnswer, ReadRequest } from "./read-thread.ts";

export interface SqliteReaderOptions {
  readonly path: string;
  /** Throws if the files are not those that were opened. */
  readonly check: () => void;
}

/** Reads in a thread with a connection of its own, so that a long one keeps no request waiting. */
export interface SqliteReader {
  readonly db: Kysely<Tables>;
  /** Ends the thread, after the reads that are under way: SQLite cannot be interrupted from another thread. */
  close(): Promise<void>;
}

/** A report that needs more fails, and not the whole process. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };

/** The thread begins with the first read. */
export function createSqliteReader({ path, check }: SqliteReaderOptions): SqliteReader {
  const thread = new ReadThread(path);
  const driver = createLeaseDriver<DatabaseConnection>({
    create: () => ({
      async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
        check();
        // The query builder's types say what a row is; the schema's STRICT tables guarantee it.
        return { rows: (await thread.read(sql, parameters)) as R[] };
      },
      streamQuery() {
        throw new TypeError("Read pages by key instead of a stream.");
      },
    }),
    begin: () => Promise.reject(new TypeError("The reader has no transactions: use `db`.")),
    commit: () => Promise.resolve(),
    rollback: () => Promise.resolve(),
    release: () => {},
    close: () => thread.close(),
  });
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new ManyReadsAdapter(),
      createDriver: () => driver,
      createIntrospector: (reader) => new SqliteIntrospector(reader),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  return { db, close: () => thread.close() };
}

/** Reads wait for each other in the thread, and not for a connection. */
class ManyReadsAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class ReadThread {
  readonly #path: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>[]>>();
  #worker: Worker | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(path: string) {
    this.#path = path;
  }

  async read(sql: string, parameters: readonly unknown[]): Promise<Record<string, unknown>[]> {
    if (this.#isClosed) throw new Error("The database is closed.");
    const worker = (this.#worker ??= this.#start());
    const request: ReadRequest = { id: ++this.#lastId, sql, parameters };
    const answer = Promise.withResolvers<Record<string, unknown>[]>();
    this.#waiting.set(request.id, answer);
    worker.postMessage(request);
    return await answer.promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const ended = once(worker, "exit");
    worker.postMessage("close");
    await ended;
  }

  #start(): Worker {
    const { program, eval: isText } = threadProgram("read-thread", import.meta.url);
    const worker = new Worker(program, { eval: isText, workerData: this.#path, execArgv: [], resourceLimits });
    // A process ends without waiting for the thread.
    worker.unref();
    worker.on("message", (answer: ReadAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("rows" in answer) waiting?.resolve(answer.rows);
      else
        waiting?.reject(
          this.#explain(Object.assign(new Error(answer.error), answer.errcode === undefined ? {} : { errcode: answer.errcode })),
        );
    });
    let problem: unknown;
    // Every error ends the thread.
    worker.on("error", (error) => {
      problem = error;
    });
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = undefined;
      const reason = this.#explain(problem ?? new Error("The database was closed during the read."));
      for (const { reject } of this.#waiting.values()) reject(reason);
      this.#waiting.clear();
    });
    return worker;
  }

  #explain(error: unknown): unknown {
    return explainSqliteError(error, this.#path);
  }
}
