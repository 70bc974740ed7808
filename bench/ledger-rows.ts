import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 50;
const STILL_POLLS = 10;
const TIMEOUT_MS = 20_000;

/** Counts the rows of the ledger. */
export interface RowCounter {
  count(): number;
  close(): void;
}

/** Reads the gateway's SQLite file beside the gateway. Throws if the file or its table `usage_entries` is missing. */
export function openRowCounter(databaseFile: string): RowCounter {
  const database = new DatabaseSync(databaseFile, { readOnly: true, timeout: 2000 });
  const statement = database.prepare("SELECT count(*) AS rows FROM usage_entries");
  return {
    count: () => {
      const rows = statement.get()?.["rows"];
      if (typeof rows !== "number") throw new Error("the ledger gave no count of its rows");
      return rows;
    },
    close: () => database.close(),
  };
}

/** Waits until at least `expected` rows are there and their number has stood still for 0.5 s, 20 s at most; gives the number then. */
export async function settledRows(
  counter: Pick<RowCounter, "count">,
  expected: number,
  wait: (ms: number) => Promise<unknown> = delay,
): Promise<number> {
  let rows = counter.count();
  for (let waited = 0, still = 0; waited < TIMEOUT_MS && (rows < expected || still < STILL_POLLS); waited += POLL_MS) {
    await wait(POLL_MS);
    const now = counter.count();
    still = now === rows ? still + 1 : 0;
    rows = now;
  }
  return rows;
}

/** What happened between the client and the upstream in a window. */
export interface Traffic {
  /** Requests that the load generator had an answer to. */
  readonly answered: number;
  /** Requests that reached the upstream. */
  readonly dispatched: number;
  readonly connections: number;
}

/**
 * Why the rows stored do not account for a window's requests, or undefined. At its end each connection may have one request that the
 * client gave up: it has a row (cancelled) and no answer that was counted, and could hide a lost one. So the rows must cover what
 * reached the upstream too, whichever is more; without an upstream, one request for each connection can stay hidden.
 */
export function rowsProblem(rows: number, traffic: Traffic): string | undefined {
  const least = Math.max(traffic.answered, traffic.dispatched);
  const most = traffic.answered + traffic.connections;
  if (rows < least) return `the ledger has ${rows} rows for ${least} requests: ${least - rows} are lost`;
  return rows > most ? `the ledger has ${rows} rows for at most ${most} requests` : undefined;
}
