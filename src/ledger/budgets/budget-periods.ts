import { sql, type Kysely, type Selectable } from "kysely";
import type { BudgetHoldsTable, Store, Tables } from "../../store/index.ts";
import { periodKey } from "./budget-period.ts";

export type ReservationRow = Selectable<BudgetHoldsTable>;

/** An addition to a period of a budget. */
export interface PeriodChange {
  readonly budgetId: string;
  readonly startMs: number;
  spentNanoUsd: bigint;
  reservedNanoUsd: bigint;
}

/** Collects changes of periods, so that each period is written once. */
export class PeriodChanges {
  readonly #byKey = new Map<string, PeriodChange>();

  add(budgetId: string, startMs: number, spentNanoUsd: bigint, reservedNanoUsd: bigint): void {
    const key = periodKey(budgetId, startMs);
    const change = this.#byKey.get(key);
    if (change === undefined) {
      this.#byKey.set(key, { budgetId, startMs, spentNanoUsd, reservedNanoUsd });
    } else {
      change.spentNanoUsd += spentNanoUsd;
      change.reservedNanoUsd += reservedNanoUsd;
    }
  }

  /** Always in the same order, so that two transactions cannot deadlock. */
  sorted(): readonly PeriodChange[] {
    return [...this.#byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
  }
}

/** Writes changes. @returns the sums spent after each, in the order of `changes.sorted()`. */
export async function writeChanges(transaction: Kysely<Tables>, changes: PeriodChanges): Promise<readonly bigint[]> {
  const spent: bigint[] = [];
  for (const { budgetId, startMs, spentNanoUsd, reservedNanoUsd } of changes.sorted()) {
    const row = await transaction
      .insertInto("budget_periods")
      .values({ budget_id: budgetId, start_ms: startMs, spent_nano_usd: spentNanoUsd, held_nano_usd: reservedNanoUsd })
      .onConflict((conflict) =>
        conflict.columns(["budget_id", "start_ms"]).doUpdateSet({
          spent_nano_usd: sql`budget_periods.spent_nano_usd + excluded.spent_nano_usd`,
          held_nano_usd: sql`budget_periods.held_nano_usd + excluded.held_nano_usd`,
        }),
      )
      .returning("spent_nano_usd")
      .executeTakeFirstOrThrow();
    spent.push(row.spent_nano_usd);
  }
  return spent;
}

/** Deletes the reservations of requests. The caller must change their sums in the periods. */
export async function takeReservations(transaction: Kysely<Tables>, requestIds: readonly string[]): Promise<readonly ReservationRow[]> {
  if (requestIds.length === 0) return [];
  return await transaction.deleteFrom("budget_holds").where("request_id", "in", requestIds).returningAll().execute();
}

/** Releases the reservations of dead processes. @returns how many there were. */
export async function sweepExpired(store: Pick<Store, "db">, nowMs: number): Promise<number> {
  return await store.db.transaction().execute(async (transaction) => {
    const holds = await transaction.deleteFrom("budget_holds").where("expires_ms", "<=", nowMs).returningAll().execute();
    await writeChanges(transaction, releasing(holds));
    return holds.length;
  });
}

/** The changes that releasing these reservations makes. */
export function releasing(holds: readonly ReservationRow[], changes = new PeriodChanges()): PeriodChanges {
  for (const hold of holds) changes.add(hold.budget_id, hold.start_ms, 0n, -hold.amount_nano_usd);
  return changes;
}
