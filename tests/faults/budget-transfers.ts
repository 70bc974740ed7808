import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { sql } from "kysely";
import { createIdSource, utcZone, type Clock } from "../../src/core/index.ts";
import { createBudgetAdmin, parseUsd, type BudgetState } from "../../src/ledger/index.ts";
import { ceiling, openStore, startMs, type Place, type WriterResult, type WriterTask } from "./budget-writer.ts";

export interface TransferOptions {
  readonly place: Place;
  /** Threads that write at the same time. */
  readonly writers: number;
  readonly transfers: number;
  readonly seed: number;
}

export interface TransferFigures {
  readonly admitted: number;
  readonly refused: number;
  readonly released: number;
  readonly abandoned: number;
}

const keysOfUser = 3;
/** The last two have no budget of their own; one key of each user has one. */
const users = ["usr_a", "usr_b", "usr_c", "usr_d", "usr_e"] as const;
const free = new Set<string>(["usr_d", "usr_e"]);

/**
 * Several writers on one database, each its own thread and connections, reserve, settle and release at random, and end with open reservations. Some budgets are
 * too small for what is asked of them. Afterwards: what each budget says is spent is what the rows sum up to, none is exceeded, no hold is left.
 */
export async function budgetTransfers({ place, writers, transfers, seed }: TransferOptions): Promise<TransferFigures> {
  const at = { ms: startMs };
  const clock: Clock = { now: () => at.ms, monotonic: () => 0 };
  const store = await openStore(place, clock);
  const admin = createBudgetAdmin({ store, clock, ids: createIdSource(clock), ceiling: () => ceiling, timeZone: () => utcZone });
  try {
    // Sums are looked at here, not what a power cut leaves: the writers, who connect later, need not wait for the disk.
    if (store.dialect === "postgresql") {
      await sql
        .raw(`do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$`)
        .execute(store.db);
    }
    // The mean transfer asks for half of a thousandth of a dollar. A fifth of what will be asked for, and more than all of it.
    const tight = BigInt(Math.floor((transfers / users.length) * 500_000 * 0.2));
    const wide = BigInt(transfers) * 1_000_000n;
    const stops = new Map<string, bigint>();
    const set = async (subjectId: string, period: "day" | "month" | "total", stopNanoUsd: bigint): Promise<void> => {
      const subject = subjectId.startsWith("key_") ? "key" : "user";
      await admin.set({ subject, subjectId, period, warnNanoUsd: null, stopNanoUsd });
      stops.set(`${subjectId} ${period}`, stopNanoUsd);
    };
    for (const [i, user] of users.entries()) {
      if (!free.has(user)) {
        await set(user, "month", i === 0 ? tight : wide);
        await set(user, "day", i === 1 ? tight : wide);
      }
      await set(`key_${user}_0`, "total", tight / 2n);
    }
    const results = await Promise.all(
      Array.from({ length: writers }, (_, writer) =>
        runWriter({ place, writer, transfers: Math.floor(transfers / writers), seed, users, keysOfUser }),
      ),
    );
    const count = (field: keyof TransferFigures): number => results.reduce((sum, result) => sum + result[field], 0);

    const before = await admin.list();
    for (const state of before) checkBudget(state, results, stops);
    const rows = await store.db.selectFrom("usage_entries").select(["user_id", "key_id", "cost_nano_usd"]).execute();
    const bySubject = new Map<string, bigint>();
    for (const row of rows) {
      for (const id of [row.user_id, row.key_id]) bySubject.set(id, (bySubject.get(id) ?? 0n) + row.cost_nano_usd!);
    }
    for (const state of before) assert.equal(parseUsd(state.spent_usd), bySubject.get(subjectOf(state)) ?? 0n, "the rows say otherwise");

    const holds = await store.db.selectFrom("budget_holds").selectAll().execute();
    const pendingBy = Map.groupBy(holds, (hold) => hold.budget_id);
    for (const state of before) {
      const held = (pendingBy.get(state.id) ?? []).reduce((sum, hold) => sum + hold.amount_nano_usd, 0n);
      assert.equal(parseUsd(state.held_usd), held, "what is held is not the sum of the holds");
    }
    // Only those of the dead are left, and they go when their time is up.
    const abandoned = count("abandoned");
    assert.ok(new Set(holds.map((hold) => hold.request_id)).size <= abandoned);
    at.ms += 600_000;
    assert.deepStrictEqual(
      (await admin.list()).map((state) => state.held_usd),
      before.map(() => "0"),
    );
    assert.deepStrictEqual(await store.db.selectFrom("budget_holds").select("request_id").execute(), []);
    return { admitted: count("admitted"), refused: count("refused"), released: count("released"), abandoned };
  } finally {
    await store.close();
  }
}

function checkBudget(state: BudgetState, results: readonly WriterResult[], stops: ReadonlyMap<string, bigint>): void {
  const subject = subjectOf(state);
  const expected = results.reduce((sum, result) => sum + BigInt(result.spent[subject] ?? "0"), 0n);
  const spent = parseUsd(state.spent_usd)!;
  const where = `${subject} ${state.period}`;
  assert.equal(spent, expected, `${where}: spent`);
  assert.ok(spent + parseUsd(state.held_usd)! <= stops.get(where)!, `${where}: exceeded`);
}

function subjectOf(state: BudgetState): string {
  return state.user_id ?? state.key_id ?? "";
}

async function runWriter(task: WriterTask): Promise<WriterResult> {
  const worker = new Worker(new URL("./budget-writer.ts", import.meta.url), { workerData: task });
  // Both are listened for from the start: on a busy machine one comes right behind the other.
  const [[result]] = await Promise.all([once(worker, "message") as Promise<[WriterResult]>, once(worker, "exit")]);
  return result;
}
