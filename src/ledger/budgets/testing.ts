import assert from "node:assert/strict";
import { describe } from "node:test";
import { createIdSource, GatewayError, silentLogger, utcZone, type Clock, type Logger, type TimeZone } from "../../core/index.ts";
import { migratedPostgres } from "../../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../../store/index.ts";
import { createBudgetAdmin, type BudgetAdmin } from "./budget-admin.ts";
import { createBudgetSettlement } from "./budget-settle.ts";
import type { BudgetState, CeilingRates } from "./budget-types.ts";
import { createBudgets, type Budgets, type BudgetsDeps } from "./budgets.ts";
import { parseUsd } from "../money.ts";
import { noFurtherColumns, rowValues, usageColumns, type UsageRow } from "../entries/usage-row.ts";

export const usd = (text: string): bigint => parseUsd(text)!;
/** $10 and $20 per million tokens. */
const ceiling: CeilingRates = { input: 10_000_000_000n, output: 20_000_000_000n };
/** Another class of service costs at most a dollar. */
const highestCost = (row: UsageRow): bigint | undefined => (row.service_class === null ? undefined : usd("1"));
export const noon = Date.UTC(2026, 10, 23, 12);

export interface World {
  readonly store: Store;
  readonly clock: { at: number; zone: TimeZone };
  readonly admin: BudgetAdmin;
  readonly budgets: Budgets;
  readonly log: Record<string, unknown>[];
  /** Ingests rows as the ledger's sink does. */
  readonly ingest: (...rows: Partial<UsageRow>[]) => Promise<void>;
  /** Budgets of another process on the same database. */
  readonly another: (deps?: Partial<BudgetsDeps>) => Promise<Budgets>;
  readonly setStop: (
    stop: string,
    more?: { period?: "day" | "month" | "total"; subjectId?: string; warn?: string },
  ) => Promise<BudgetState>;
  readonly state: () => Promise<Pick<BudgetState, "spent_usd" | "held_usd" | "left_usd">>;
}

type OpenStore = (clock: Clock) => Promise<Store>;

async function runWith(openStore: OpenStore, body: (world: World) => Promise<void>): Promise<void> {
  const at: { at: number; zone: TimeZone } = { at: noon, zone: utcZone };
  const timeZone = (): TimeZone => at.zone;
  const clock: Clock = { now: () => at.at, monotonic: () => at.at };
  const store = await openStore(clock);
  const log: Record<string, unknown>[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields: object, message: string) => log.push({ ...fields, message }) };
  const settle = createBudgetSettlement({ ceiling: () => ceiling, highestCost, timeZone, logger });
  const admin = createBudgetAdmin({ store, clock, ids: createIdSource(clock), ceiling: () => ceiling, highestCost, timeZone });
  const opened: Budgets[] = [];
  const another = async (deps: Partial<BudgetsDeps> = {}): Promise<Budgets> => {
    const made = await createBudgets({ store, clock, logger, timeZone, schedule: () => () => undefined, ...deps });
    opened.push(made);
    return made;
  };
  const budgets = await another();
  try {
    await body({
      store,
      clock: at,
      admin,
      budgets,
      log,
      another,
      async ingest(...rows) {
        const whole = rows.map((row) => ({ ...emptyRow, ...row }));
        await store.db.transaction().execute(async (transaction) => {
          await store.insertRows("usage_entries", usageColumns, whole.map(rowValues), transaction);
          await settle(transaction, whole);
        });
      },
      async setStop(stop, { period = "month", subjectId = "usr_1", warn } = {}) {
        const made = await admin.set({
          subject: subjectId.startsWith("key_") ? "key" : "user",
          subjectId,
          period,
          stopNanoUsd: stop === "" ? null : usd(stop),
          warnNanoUsd: warn === undefined ? null : usd(warn),
        });
        await budgets.refresh();
        return made;
      },
      async state() {
        const { spent_usd, held_usd, left_usd } = (await admin.list())[0]!;
        return { spent_usd, held_usd, left_usd };
      },
    });
  } finally {
    for (const each of opened) each.close();
    await store.close();
  }
}

const emptyRow: UsageRow = {
  request_id: "req_1",
  attempt: 1,
  time_ms: noon,
  duration_ms: 1,
  ttft_ms: null,
  user_id: "usr_1",
  key_id: "key_1",
  dialect: "openai-chat",
  provider: "openai",
  model_asked: "m",
  model_served: "m",
  input_tokens: 1,
  output_tokens: 1,
  cache_read_tokens: null,
  cache_write_5m_tokens: null,
  cache_write_1h_tokens: null,
  reasoning_tokens: null,
  direction: "consume",
  status: "ok",
  usage_source: "reported",
  cost_nano_usd: 0n,
  price_snapshot: null,
  http_status: 200,
  error_code: null,
  tags: null,
  client_request_id: null,
  ...noFurtherColumns,
};

export function hold(budgets: Budgets, requestId: string, amount: string, keyId = "key_1"): ReturnType<Budgets["reserve"]> {
  return budgets.reserve({ requestId, amountNanoUsd: usd(amount), budgets: budgets.of({ userId: "usr_1", keyId })! });
}

export async function refusal(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof GatewayError);
  return error;
}

const openSqlite: OpenStore = (clock) => createSqliteStore({ path: ":memory:", clock });

const openPostgres: OpenStore = async (clock) => createPostgresStore({ place: await migratedPostgres(), clock, pool: 4 });

/** Runs the tests of budgets on each database. */
export function onEachStore(name: string, body: (withBudgets: (test: (world: World) => Promise<void>) => Promise<void>) => void): void {
  for (const [store, open, skip] of [
    ["SQLite", openSqlite, false],
    ["PostgreSQL", openPostgres, withoutPostgres],
  ] as const) {
    describe(`${name} on ${store}`, { skip }, () => {
      body((test) => runWith(open, test));
    });
  }
}
