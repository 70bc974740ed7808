import { sql, type Kysely } from "kysely";
import { GatewayError, type Clock } from "../../core/index.ts";
import type { Store, Tables } from "../../store/index.ts";
import { periodEnd, periodStart } from "./budget-period.ts";
import { releasing, sweepExpired, takeHolds, writeChanges } from "./budget-periods.ts";
import type { Budget, HoldRequest } from "./budget-types.ts";
import { formatUsd } from "../money.ts";

/** A budget that has reached its warning. */
export interface BudgetWarning {
  readonly budget: Budget;
  readonly spentNanoUsd: bigint;
}

export interface BudgetHolds {
  /**
   * Holds the amount in all of the budgets, or in none. @returns those that have reached their warning.
   * @throws GatewayError `budget_exceeded` where what is spent, held and asked for together is more than a budget's stop.
   */
  reserve(request: HoldRequest): Promise<readonly BudgetWarning[]>;
  /** Lets go of what a request held. Does nothing where that has been settled already. */
  release(requestId: string): Promise<void>;
  /** Keeps the holds of these requests from expiring. */
  renew(requestIds: readonly string[]): Promise<void>;
}

export interface BudgetHoldsDeps {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  /** How long a hold lasts that nobody renews. */
  readonly holdMs: number;
}

interface Refusal {
  readonly budget: Budget;
  readonly startMs: number;
}

export function createBudgetHolds({ store, clock, holdMs }: BudgetHoldsDeps): BudgetHolds {
  /** Rolled back whole where one budget refuses. */
  const tryReserve = async (request: HoldRequest, nowMs: number): Promise<readonly BudgetWarning[] | Refusal> => {
    const refused = { by: undefined as Refusal | undefined };
    const warnings: BudgetWarning[] = [];
    try {
      await store.db.transaction().execute(async (transaction) => {
        for (const budget of request.budgets) {
          const startMs = periodStart(budget.period, nowMs);
          const spentNanoUsd = await take(transaction, budget.id, startMs, request.amountNanoUsd);
          if (spentNanoUsd === undefined) {
            // A budget that is gone refuses nothing.
            if (!(await exists(transaction, budget.id))) continue;
            refused.by = { budget, startMs };
            throw new Error("rolls the transaction back");
          }
          if (budget.warnNanoUsd !== null && spentNanoUsd >= budget.warnNanoUsd) warnings.push({ budget, spentNanoUsd });
          await transaction
            .insertInto("budget_holds")
            .values({
              request_id: request.requestId,
              budget_id: budget.id,
              start_ms: startMs,
              amount_nano_usd: request.amountNanoUsd,
              expires_ms: nowMs + holdMs,
            })
            .executeTakeFirstOrThrow();
        }
      });
    } catch (error) {
      if (refused.by === undefined) throw error;
      return refused.by;
    }
    return warnings;
  };

  return {
    async reserve(request) {
      const nowMs = clock.now();
      let outcome = await tryReserve(request, nowMs);
      // Holds of dead processes are let go of when somebody needs the room.
      if ("budget" in outcome && (await sweepExpired(store, nowMs)) > 0) outcome = await tryReserve(request, nowMs);
      if ("budget" in outcome) throw await exceeded(store.db, outcome, request.amountNanoUsd);
      return outcome;
    },
    async release(requestId) {
      await store.db.transaction().execute(async (transaction) => {
        await writeChanges(transaction, releasing(await takeHolds(transaction, [requestId])));
      });
    },
    async renew(requestIds) {
      await store.db
        .updateTable("budget_holds")
        .set({ expires_ms: clock.now() + holdMs })
        .where("request_id", "in", requestIds)
        .execute();
    },
  };
}

/**
 * Adds to what is held of a period, if its budget allows it: one statement, so that no two can take the same room. The first of a period makes its row.
 * @returns what is spent of the period; `undefined`: the budget refuses, or is gone.
 */
async function take(db: Kysely<Tables>, budgetId: string, startMs: number, amountNanoUsd: bigint): Promise<bigint | undefined> {
  const { rows } = await sql<{ spent_nano_usd: bigint }>`
    insert into budget_periods (budget_id, start_ms, spent_nano_usd, held_nano_usd)
    select id, cast(${startMs} as bigint), 0, cast(${amountNanoUsd} as bigint)
    from budgets
    where id = ${budgetId} and (stop_nano_usd is null or stop_nano_usd >= ${amountNanoUsd})
    on conflict (budget_id, start_ms) do update
    set held_nano_usd = budget_periods.held_nano_usd + excluded.held_nano_usd
    where coalesce(
      (select stop_nano_usd from budgets where id = excluded.budget_id)
        >= budget_periods.spent_nano_usd + budget_periods.held_nano_usd + excluded.held_nano_usd,
      true
    )
    returning spent_nano_usd`.execute(db);
  return rows[0]?.spent_nano_usd;
}

async function exists(db: Kysely<Tables>, budgetId: string): Promise<boolean> {
  return (await db.selectFrom("budgets").select("id").where("id", "=", budgetId).executeTakeFirst()) !== undefined;
}

async function exceeded(db: Kysely<Tables>, { budget, startMs }: Refusal, amountNanoUsd: bigint): Promise<GatewayError> {
  const row = await db
    .selectFrom("budgets")
    .leftJoin("budget_periods", (join) => join.onRef("budget_id", "=", "id").on("start_ms", "=", startMs))
    .select(["stop_nano_usd", "spent_nano_usd", "held_nano_usd"])
    .where("id", "=", budget.id)
    .executeTakeFirst();
  const stop = row?.stop_nano_usd ?? budget.stopNanoUsd ?? 0n;
  const end = periodEnd(budget.period, startMs);
  const limit = budget.period === "total" ? "The budget" : `The ${budget.period}'s budget`;
  return new GatewayError(
    "budget_exceeded",
    `${limit} of this ${budget.subject} is ${formatUsd(stop)} US dollars: ${formatUsd(row?.spent_nano_usd ?? 0n)} are spent, ` +
      `${formatUsd(row?.held_nano_usd ?? 0n)} are held for requests under way, and this request may cost up to ${formatUsd(amountNanoUsd)}. ` +
      `Ask for fewer output tokens, or have an admin raise the budget${end === undefined ? "" : `; it begins anew at ${new Date(end).toISOString()}`}.`,
  );
}
