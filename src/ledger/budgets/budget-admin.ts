import type { Kysely, Transaction } from "kysely";
import { GatewayError, printSubject, type Clock, type IdSource, type Subject, type TimeZone } from "../../core/index.ts";
import type { Store, Tables } from "../../store/index.ts";
import type { RowCharging } from "./budget-ceiling.ts";
import { periodEnd, periodStart } from "./budget-period.ts";
import { sweepExpired } from "./budget-periods.ts";
import { lockEntries, realignPeriods } from "./budget-realign.ts";
import { budgetOf, readBudgets, subjectOf } from "./budget-rows.ts";
import { spentSince } from "./budget-spent.ts";
import { createBudgetZones, type BudgetZones } from "./budget-zones.ts";
import type { Budget, BudgetPeriod, BudgetState, BudgetSubject, CeilingRates } from "./budget-types.ts";
import { formatUsd } from "../money.ts";

/** What is absent stays unchanged; `null` removes it. At least one limit must be given. */
export interface NewBudget {
  readonly subject: BudgetSubject;
  readonly subjectId: string;
  readonly period: BudgetPeriod;
  readonly warnNanoUsd?: bigint | null;
  readonly stopNanoUsd?: bigint | null;
  /** What an earlier program has spent in the current period: it counts when the budget is made, in the same transaction. */
  readonly earlierNanoUsd?: bigint;
  /** A name that `isTimeZone` accepts. */
  readonly timeZone?: string | null;
}

/** Management of budgets. */
export interface BudgetAdmin {
  /**
   * Makes the budget of this subject and period, or changes it. A new one starts with the ledger's sums of the current period.
   * @throws GatewayError `invalid_request` if it would have no limit, or if its warning is above its stop.
   */
  set(budget: NewBudget): Promise<BudgetState>;
  /** The budgets of these subjects, or all. */
  list(subjects?: readonly Subject[]): Promise<readonly BudgetState[]>;
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
  readonly isAlias?: RowCharging["isAlias"];
  readonly timeZone: () => TimeZone;
}

export function createBudgetAdmin({ store, clock, ids, ceiling, highestCost, isAlias, timeZone }: BudgetAdminDeps): BudgetAdmin {
  const charging = (): RowCharging => ({ ceiling: ceiling(), highestCost, isAlias });
  const zoneOf = createBudgetZones(timeZone);
  const current = (): Moment => ({ nowMs: clock.now(), zoneOf });
  return {
    async set(budget) {
      return await store.db.transaction().execute(async (transaction) => {
        const moment = current();
        const set = await writeBudget(transaction, { store, ids, charging: charging(), ...moment }, budget);
        return (await statesOf(transaction, [set], moment))[0]!;
      });
    },
    async list(subjects) {
      await sweepExpired(store, clock.now());
      return await statesOf(store.db, await readBudgets(store.db, subjects), current());
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

interface WriteContext extends Moment {
  readonly store: BudgetAdminDeps["store"];
  readonly ids: IdSource;
  readonly charging: RowCharging;
}

/** Makes or changes a budget, with the sums of its current period. */
async function writeBudget(
  transaction: Transaction<Tables>,
  { store, ids, charging, nowMs, zoneOf }: WriteContext,
  budget: NewBudget,
): Promise<Budget> {
  await lockEntries(store, transaction);
  const { subject, subjectId, period } = budget;
  const changes = changesOf(budget);
  const row = await transaction
    .insertInto("budgets")
    .values({
      id: ids.next("bgt"),
      subject,
      subject_id: subjectId,
      period,
      warn_nano_usd: null,
      stop_nano_usd: null,
      time_zone: null,
      ...changes,
      created_ms: nowMs,
    })
    .onConflict((conflict) => conflict.columns(["subject", "subject_id", "period"]).doUpdateSet(changes))
    .returningAll()
    .executeTakeFirstOrThrow();
  const set = budgetOf(row);
  checkLimits(set);
  const startMs = periodStart(period, nowMs, zoneOf(set));
  await transaction
    .insertInto("budget_periods")
    .values({
      budget_id: set.id,
      start_ms: startMs,
      spent_nano_usd:
        (await spentSince({ db: transaction, dialect: store.dialect }, set, startMs, charging)) + (budget.earlierNanoUsd ?? 0n),
      held_nano_usd: 0n,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await store.bumpRevision(transaction);
  return set;
}

/** Those that are given. */
function changesOf({ warnNanoUsd, stopNanoUsd, timeZone }: NewBudget): {
  readonly warn_nano_usd?: bigint | null;
  readonly stop_nano_usd?: bigint | null;
  readonly time_zone?: string | null;
} {
  return {
    ...(warnNanoUsd === undefined ? {} : { warn_nano_usd: warnNanoUsd }),
    ...(stopNanoUsd === undefined ? {} : { stop_nano_usd: stopNanoUsd }),
    ...(timeZone === undefined ? {} : { time_zone: timeZone }),
  };
}

/** A time, and whose days and months are meant. */
interface Moment {
  readonly nowMs: number;
  readonly zoneOf: BudgetZones;
}

/** The budgets with their sums of the current period. */
async function statesOf(db: Kysely<Tables>, budgets: readonly Budget[], { nowMs, zoneOf }: Moment): Promise<BudgetState[]> {
  if (budgets.length === 0) return [];
  const starts = [...new Set(budgets.map((budget) => periodStart(budget.period, nowMs, zoneOf(budget))))];
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
    const zone = zoneOf(budget);
    const startMs = periodStart(budget.period, nowMs, zone);
    const row = rows.find((candidate) => candidate.budget_id === budget.id && candidate.start_ms === startMs);
    const end = periodEnd(budget.period, startMs, zone);
    return stateOf(budget, { startMs, end, zone: zone.name }, row?.spent_nano_usd ?? 0n, row?.held_nano_usd ?? 0n);
  });
}

function stateOf(
  budget: Budget,
  { startMs, end, zone }: { readonly startMs: number; readonly end: number | undefined; readonly zone: string },
  spent: bigint,
  reserved: bigint,
): BudgetState {
  const { stopNanoUsd: stop, warnNanoUsd: warn } = budget;
  const left = stop === null ? null : stop - spent - reserved;
  return {
    id: budget.id,
    kind: budget.subject,
    subject: printSubject(subjectOf(budget)),
    user_id: budget.subject === "user" ? budget.subjectId : null,
    key_id: budget.subject === "key" ? budget.subjectId : null,
    period: budget.period,
    warn_usd: warn === null ? null : formatUsd(warn),
    stop_usd: stop === null ? null : formatUsd(stop),
    spent_usd: formatUsd(spent),
    held_usd: formatUsd(reserved),
    left_usd: left === null ? null : formatUsd(left < 0n ? 0n : left),
    period_start: end === undefined ? null : new Date(startMs).toISOString(),
    period_end: end === undefined ? null : new Date(end).toISOString(),
    time_zone: zone,
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
