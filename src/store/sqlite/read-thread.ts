import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { addFunctions } from "./functions.ts";
import { lowerPriority } from "./low-priority.ts";
import { createStatementCache } from "./statements.ts";

/*
 * The thread of `createSqliteReader`. It answers each `ReadRequest` with a `ReadAnswer`, in order, and ends on "close".
 */

export interface ReadRequest {
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export type ReadAnswer =
  | { readonly id: number; readonly rows: Record<string, unknown>[] }
  /** `errcode`: SQLite's, if it is an error of SQLite. */
  | { readonly id: number; readonly error: string; readonly errcode: number | undefined };

/** How long a read waits for a lock, which only a checkpoint that cuts the log takes. */
const busyTimeoutMs = 5000;

lowerPriority();
const port = parentPort!;
// Never makes the file: if it was removed meanwhile, reads fail.
const database = new DatabaseSync(`${pathToFileURL(String(workerData)).href}?mode=ro`, { timeout: busyTimeoutMs, readOnly: true });
addFunctions(database);
const statements = createStatementCache(database);

function answer({ id, sql, parameters }: ReadRequest): ReadAnswer {
  try {
    return { id, rows: statements.get(sql).all(parameters) };
  } catch (error) {
    const errcode = error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : undefined;
    return { id, error: error instanceof Error ? error.message : String(error), errcode };
  }
}

port.on("message", (message: ReadRequest | "close") => {
  if (message !== "close") {
    port.postMessage(answer(message));
    return;
  }
  database.close();
  port.close();
});
