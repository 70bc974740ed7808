import { parentPort, workerData } from "node:worker_threads";
import { GatewayError, Secret, silentLogger, utcZone, type Clock } from "../../src/core/index.ts";
import {
  noFurtherColumns,
  createBudgets,
  createBudgetSettlement,
  createStoreSink,
  type Budgets,
  type LedgerSink,
  type UsageRow,
} from "../../src/ledger/index.ts";
import { createPostgresStore, createSqliteStore, parsePostgresUrl, type Store } from "../../src/store/index.ts";

/** Where the database is. */
export type Place = { readonly path: string } | { readonly url: string };

export interface WriterTask {
  readonly place: Place;
  readonly writer: number;
  readonly transfers: number;
  readonly seed: number;
  readonly users: readonly string[];
  readonly keysOfUser: number;
}

/** What a writer remembers of its own transfers. */
export interface WriterResult {
  readonly admitted: number;
  readonly refused: number;
  readonly released: number;
  readonly abandoned: number;
  /** Nano-USD by subject, as the rows had it; decimals, as messages between threads are JSON here. */
  readonly spent: Readonly<Record<string, string>>;
}

export const startMs = Date.UTC(2026, 10, 23, 12);
export const ceiling = { input: 1_000_000_000n, output: 1_000_000_000n };
/** Holds of this run expire only when it is over. */
const clock: Clock = { now: () => startMs, monotonic: () => 0 };

export async function openStore(place: Place, at: Clock = clock): Promise<Store> {
  if ("path" in place) return await createSqliteStore({ path: place.path, clock: at, busyTimeoutMs: 60_000 });
  return await createPostgresStore({ place: parsePostgresUrl(new Secret(place.url)), clock: at, pool: 2 });
}

/** mulberry32: small, seeded, good enough to choose by. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A request as far as money sees it: hold, then a row that settles it, a release, or a process that dies with it. */
async function transfers(task: WriterTask, budgets: Budgets, sink: LedgerSink): Promise<WriterResult> {
  const random = createRandom(task.seed + task.writer);
  const spent: Record<string, bigint> = {};
  const counts = { admitted: 0, refused: 0, released: 0, abandoned: 0 };
  let rows: UsageRow[] = [];
  let settled: UsageRow[] = [];
  const ingest = async (): Promise<void> => {
    await sink.write(rows);
    // A batch that was committed and reported lost comes again.
    if (random() < 0.2) await sink.write(settled.concat(rows));
    settled = rows;
    rows = [];
  };
  for (let i = 0; i < task.transfers; i++) {
    const user = task.users[Math.floor(random() * task.users.length)]!;
    const key = `key_${user}_${Math.floor(random() * task.keysOfUser)}`;
    const requestId = `req_${task.writer}_${i}`;
    const amount = BigInt(1 + Math.floor(random() * 1_000_000));
    const held = budgets.of({ userId: user, keyId: key });
    try {
      if (held !== undefined) await budgets.reserve({ requestId, amountNanoUsd: amount, budgets: held });
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== "budget_exceeded") throw error;
      counts.refused++;
      continue;
    }
    counts.admitted++;
    const fate = random();
    if (fate < 0.15) {
      counts.released++;
      if (random() < 0.5) rows.push(rowOf(requestId, user, key, 1, "error", 0n));
      await budgets.release(requestId);
    } else if (fate < 0.16) {
      counts.abandoned++;
      budgets.finished(requestId);
    } else {
      const attempt = fate < 0.25 ? 2 : 1;
      if (attempt === 2) rows.push(rowOf(requestId, user, key, 1, "error", 0n));
      const cost = (amount * BigInt(Math.floor(random() * 1001))) / 1000n;
      rows.push(rowOf(requestId, user, key, attempt, fate < 0.4 ? "cancelled" : "ok", cost));
      budgets.finished(requestId);
      for (const subject of [user, key]) spent[subject] = (spent[subject] ?? 0n) + cost;
    }
    if (rows.length >= 50) await ingest();
  }
  await ingest();
  return { ...counts, spent: Object.fromEntries(Object.entries(spent).map(([subject, nano]) => [subject, String(nano)])) };
}

function rowOf(requestId: string, userId: string, keyId: string, attempt: number, status: UsageRow["status"], cost: bigint): UsageRow {
  return {
    request_id: requestId,
    attempt,
    time_ms: startMs,
    duration_ms: 1,
    ttft_ms: null,
    user_id: userId,
    key_id: keyId,
    dialect: "openai-chat",
    provider: "p",
    model_asked: "m",
    model_served: "m",
    input_tokens: 1,
    output_tokens: 1,
    cache_read_tokens: null,
    cache_write_5m_tokens: null,
    cache_write_1h_tokens: null,
    reasoning_tokens: null,
    direction: "consume",
    status,
    usage_source: "reported",
    cost_nano_usd: cost,
    price_snapshot: null,
    http_status: 200,
    error_code: null,
    tags: null,
    client_request_id: null,
    ...noFurtherColumns,
  };
}

async function run(task: WriterTask): Promise<WriterResult> {
  const store = await openStore(task.place);
  const logger = silentLogger;
  // Eight writers wait for each other's locks longer than a request would.
  const budgets = await createBudgets({ store, clock, logger, timeZone: () => utcZone, timeoutMs: 60_000 });
  const sink = createStoreSink(store, {
    clock,
    steps: [createBudgetSettlement({ ceiling: () => ceiling, timeZone: () => utcZone, logger })],
  });
  try {
    return await transfers(task, budgets, sink);
  } finally {
    budgets.close();
    await store.close();
  }
}

if (parentPort !== null) parentPort.postMessage(await run(workerData as WriterTask));
