import type { Kysely } from "kysely";
import { GatewayError, type Clock, type IdSource, type TimeZone } from "../../core/index.ts";
import type { Store, Tables } from "../../store/index.ts";
import type { RowCharging } from "./budget-ceiling.ts";
import { periodEnd, periodStart } from "./budget-period.ts";
import { sweepExpired } from "./budget-periods.ts";
import { lockEntries, realignPeriods, spentSince } from "./budget-realign.ts";
import { budgetOf, readBudgets } from "./budget-rows.ts";
import type { Budget, BudgetPeriod, BudgetState, BudgetSubject, CeilingRates } from "./budget-types.ts";
import { formatUsd } from "../money.ts";

/** A limit that is absent stays unchanged; `null` removes it. At least one limit must be given. */
export interface NewBudget {
  readonly subject: BudgetSubject;
  readonly subjectId: string;
  readonly period: BudgetPeriod;
  readonly warnNanoUsd?: bigint | null;
  readonly stopNanoUsd?: bigint | null;
}

/** Management of budgets. */
export interface BudgetAdmin {
  /**
   * Makes the budget of this subject and period, or changes it. A new one starts with the ledger's sums of the current period.
   * @throws GatewayError `invalid_request` if it would have no limit, or if its warning is above its stop.
   */
  set(budget: NewBudget): Promise<BudgetState>;
  /** The budgets of these users and keys, or all. */
  list(subjectIds?: readonly string[]): Promise<readonly BudgetState[]>;
  /**
   * Makes the current period of each budget whose periods began at other times, as those of another time zone do: with the ledger's sums since its beginning.
   * Called at the start and when the zone has changed; else it does nothing.
   */
  realign(): Promise<void>;
  /** The budget's reservations are deleted with it. @throws GatewayError `not_found`. */
  remove(id: string): Promise<BudgetState>;
}

export interface BudgetAdminDeps {
  readonly store: Pick<Store, "db" | "dialect" | "bumpRevision">;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly ceiling: () => CeilingRates;
  readonly highestCost?: RowCharging["highestCost"];
  readonly timeZone: () => TimeZone;
}

export function createBudgetAdmin({ store, clock, ids, ceiling, highestCost, timeZone }: BudgetAdminDeps): BudgetAdmin {
  const charging = (): RowCharging => ({ ceiling: ceiling(), highestCost });
  const current = (): Moment => ({ nowMs: clock.now(), zone: timeZone() });
  return {
    async set(budget) {
      return await store.db.transaction().execute(async (transaction) => {
        await lockEntries(store, transaction);
        const { subject, subjectId, period } = budget;
        const limits = limitsOf(budget);
        const row = await transaction
          .insertInto("budgets")
          .values({
            id: ids.next("bgt"),
            subject,
            subject_id: subjectId,
            period,
            warn_nano_usd: null,
            stop_nano_usd: null,
            ...limits,
            created_ms: clock.now(),
          })
          .onConflict((conflict) => conflict.columns(["subject", "subject_id", "period"]).doUpdateSet(limits))
          .returningAll()
          .executeTakeFirstOrThrow();
        const set = budgetOf(row);
        checkLimits(set);
        const startMs = periodStart(period, clock.now(), timeZone());
        await transaction
          .insertInto("budget_periods")
          .values({
            budget_id: set.id,
            start_ms: startMs,
            spent_nano_usd: await spentSince(transaction, set, startMs, charging()),
            held_nano_usd: 0n,
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        await store.bumpRevision(transaction);
        return (await statesOf(transaction, [set], current()))[0]!;
      });
    },
    async list(subjectIds) {
      await sweepExpired(store, clock.now());
      return await statesOf(store.db, await readBudgets(store.db, subjectIds), current());
    },
    realign: () => realignPeriods({ store, charging: charging(), ...current() }),
    async remove(id) {
      return await store.db.transaction().execute(async (transaction) => {
        const row = await transaction.selectFrom("budgets").selectAll().where("id", "=", id).executeTakeFirst();
        if (row === undefined) {
          throw new GatewayError("not_found", "There is no budget with this id. `tokligence budget list` shows the ids.", { param: "id" });
        }
        const [state] = await statesOf(transaction, [budgetOf(row)], current());
        await transaction.deleteFrom("budgets").where("id", "=", id).execute();
        await store.bumpRevision(transaction);
        return state!;
      });
    },
  };
}

/** Those that are given. */
function limitsOf({ warnNanoUsd, stopNanoUsd }: NewBudget): {
  readonly warn_nano_usd?: bigint | null;
  readonly stop_nano_usd?: bigint | null;
} {
  return {
    ...(warnNanoUsd === undefined ? {} : { warn_nano_usd: warnNanoUsd }),
    ...(stopNanoUsd === undefined ? {} : { stop_nano_usd: stopNanoUsd }),
  };
}

/** A time, and whose days and months are meant. */
interface Moment {
  readonly nowMs: number;
  readonly zone: TimeZone;
}

/** The budgets with their sums of the current period. */
async function statesOf(db: Kysely<Tables>, budgets: readonly Budget[], { nowMs, zone }: Moment): Promise<BudgetState[]> {
  if (budgets.length === 0) return [];
  const starts = [...new Set(budgets.map((budget) => periodStart(budget.period, nowMs, zone)))];
  const rows = await db
    .selectFrom("budget_periods")
    .selectAll()
    .where("start_ms", "in", starts)
    .where(
      "budget_id",
      "in",
      budgets.map((budget) => budget.id),
    )
    .execute();
  return budgets.map((budget) => {
    const startMs = periodStart(budget.period, nowMs, zone);
    const row = rows.find((candidate) => candidate.budget_id === budget.id && candidate.start_ms === startMs);
    const end = periodEnd(budget.period, startMs, zone);
    return stateOf(budget, { startMs, end }, row?.spent_nano_usd ?? 0n, row?.held_nano_usd ?? 0n);
  });
}

function stateOf(
  budget: Budget,
  { startMs, end }: { readonly startMs: number; readonly end: number | undefined },
  spent: bigint,
  held: bigint,
): BudgetState {
  const { stopNanoUsd: stop, warnNanoUsd: warn } = budget;
  const left = stop === null ? null : stop - spent - held;
  return {
    id: budget.id,
    user_id: budget.subject === "user" ? budget.subjectId : null,
    key_id: budget.subject === "key" ? budget.subjectId : null,
    period: budget.period,
    warn_usd: warn === null ? null : formatUsd(warn),
    stop_usd: stop === null ? null : formatUsd(stop),
    spent_usd: formatUsd(spent),
    held_usd: formatUsd(held),
    left_usd: left === null ? null : formatUsd(left < 0n ? 0n : left),
    period_start: end === undefined ? null : new Date(startMs).toISOString(),
    period_end: end === undefined ? null : new Date(end).toISOString(),
  };
}

function checkLimits({ warnNanoUsd, stopNanoUsd }: Budget): void {
  if (warnNanoUsd === null && stopNanoUsd === null) {
    throw new GatewayError("invalid_request", 'Give "stop_usd", "warn_usd", or both: a budget without a limit is none.', {
      param: "stop_usd",
    });
  }
  if (warnNanoUsd === null || stopNanoUsd === null || warnNanoUsd <= stopNanoUsd) return;
  const [warn, stop] = [formatUsd(warnNanoUsd), formatUsd(stopNanoUsd)];
  throw new GatewayError("invalid_request", `"warn_usd" (${warn}) is more than "stop_usd" (${stop}), so nobody would be warned in time.`, {
    param: "warn_usd",
  });
}
