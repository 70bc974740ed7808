import { sql, type Kysely } from "kysely";
import { printSubject, type Clock, type TimeZone } from "../../core/index.ts";
import type { Store, Tables } from "../../store/index.ts";
import { periodEnd, periodStart } from "./budget-period.ts";
import { PeriodChanges, releasing, sweepExpired, takeReservations, writeChanges, type ReservationRow } from "./budget-periods.ts";
import { subjectOf } from "./budget-rows.ts";
import { BudgetExceeded, type Budget, type ReservationRequest } from "./budget-types.ts";
import { createBudgetZones, type BudgetZones } from "./budget-zones.ts";
import { formatUsd } from "../money.ts";

/** A budget that has reached its warning. */
export interface BudgetWarning {
  readonly budget: Budget;
  readonly spentNanoUsd: bigint;
}

export interface Reserved {
  /** Budgets that have reached their warning. */
  readonly warnings: readonly BudgetWarning[];
  readonly amountNanoUsd: bigint;
}

export interface BudgetReservations {
  /**
   * Reserves the amount in all of the budgets, or in none. If a budget refuses, a smaller amount that is enough for the request is tried.
   * @throws BudgetExceeded if the sum of spent, reserved and requested is more than a budget's stop.
   */
  reserve(request: ReservationRequest): Promise<Reserved>;
  /** Sets the reservations of finished requests, by request id, to what they cost. Does nothing for those whose row has settled them already. */
  trueUp(costs: ReadonlyMap<string, FinishedCost>): Promise<void>;
  /** Releases the reservation of a request. Does nothing if it has been settled already. */
  release(requestId: string): Promise<void>;
  /** Keeps the reservations of these requests from expiring. */
  renew(requestIds: readonly string[]): Promise<void>;
}

/** What a finished request costs its budgets. */
export interface FinishedCost {
  readonly costNanoUsd: bigint;
  /** Ids of the budgets that it costs nothing, as another target answered; `undefined`: none of them. */
  readonly spared: ReadonlySet<string> | undefined;
}

export interface BudgetReservationsDeps {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  readonly timeZone: () => TimeZone;
  /** How long a reservation lasts without being renewed. */
  readonly reservationMs: number;
}

interface Refusal {
  readonly budget: Budget;
  readonly zone: TimeZone;
  readonly startMs: number;
}

/** The most tries with a smaller amount: the room for it may be gone by the time it is reserved. */
const maxFits = 4;

export function createBudgetReservations({ store, clock, timeZone, reservationMs }: BudgetReservationsDeps): BudgetReservations {
  const zoneOf = createBudgetZones(timeZone);
  return {
    async reserve(request) {
      const nowMs = clock.now();
      const moment = { nowMs, expiresMs: nowMs + reservationMs, zoneOf };
      let amount = request.amountNanoUsd;
      let outcome = await tryReserve(store.db, request, amount, moment);
      // Reservations of dead processes are released when another request needs the room.
      if ("budget" in outcome && (await sweepExpired(store, nowMs)) > 0) outcome = await tryReserve(store.db, request, amount, moment);
      for (let fits = 0; "budget" in outcome && request.fitInto !== undefined && fits < maxFits; fits++) {
        const { stop, spent, reserved } = await readState(store.db, outcome);
        const smaller = request.fitInto(stop - spent - reserved, outcome.budget);
        if (smaller === undefined || smaller >= amount) break;
        amount = smaller;
        outcome = await tryReserve(store.db, request, amount, moment);
      }
      if ("budget" in outcome) throw await exceeded(store.db, outcome, request);
      return outcome;
    },
    async trueUp(costs) {
      const holds = await store.db
        .selectFrom("budget_holds")
        .selectAll()
        .where("request_id", "in", [...costs.keys()])
        .orderBy("request_id")
        .orderBy("budget_id")
        .execute();
      // One request at a time, so that no deadlock with the transactions that settle rows is possible.
      for (const ofRequest of Map.groupBy(holds, (hold) => hold.request_id).values()) {
        await store.db.transaction().execute((transaction) => setAmounts(transaction, ofRequest, costs.get(ofRequest[0]!.request_id)!));
      }
    },
    async release(requestId) {
      await store.db.transaction().execute(async (transaction) => {
        await writeChanges(transaction, releasing(await takeReservations(transaction, [requestId])));
      });
    },
    async renew(requestIds) {
      await store.db
        .updateTable("budget_holds")
        .set({ expires_ms: clock.now() + reservationMs })
        .where("request_id", "in", requestIds)
        .execute();
    },
  };
}

/** Reserves the amount in all budgets of the request; rolled back completely if one of them refuses. */
async function tryReserve(
  db: Kysely<Tables>,
  request: ReservationRequest,
  amountNanoUsd: bigint,
  { nowMs, expiresMs, zoneOf }: { readonly nowMs: number; readonly expiresMs: number; readonly zoneOf: BudgetZones },
): Promise<Reserved | Refusal> {
  const refused = { by: undefined as Refusal | undefined };
  const warnings: BudgetWarning[] = [];
  try {
    await db.transaction().execute(async (transaction) => {
      // Always in the same order, so that two requests cannot deadlock.
      for (const budget of request.budgets.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
        const zone = zoneOf(budget);
        const startMs = periodStart(budget.period, nowMs, zone);
        const partNanoUsd = request.partOf?.(budget) ?? amountNanoUsd;
        const spentNanoUsd = await take(transaction, budget.id, startMs, partNanoUsd);
        if (spentNanoUsd === undefined) {
          // A deleted budget refuses nothing.
          if (!(await exists(transaction, budget.id))) continue;
          refused.by = { budget, startMs, zone };
          throw new Error("rolls the transaction back");
        }
        if (budget.warnNanoUsd !== null && spentNanoUsd >= budget.warnNanoUsd) warnings.push({ budget, spentNanoUsd });
        await transaction
          .insertInto("budget_holds")
          .values({
            request_id: request.requestId,
            budget_id: budget.id,
            start_ms: startMs,
            amount_nano_usd: partNanoUsd,
            expires_ms: expiresMs,
          })
          .executeTakeFirstOrThrow();
      }
    });
  } catch (error) {
    if (refused.by === undefined) throw error;
    return refused.by;
  }
  return { warnings, amountNanoUsd };
}

/** Sets the reservations of a request to its cost. A reservation that the request's row settles at the same time is gone, and nothing is set. */
async function setAmounts(transaction: Kysely<Tables>, holds: readonly ReservationRow[], cost: FinishedCost): Promise<void> {
  const changes = new PeriodChanges();
  for (const { request_id, budget_id, start_ms, amount_nano_usd } of holds) {
    const amountNanoUsd = cost.spared?.has(budget_id) === true ? 0n : cost.costNanoUsd;
    if (amountNanoUsd === amount_nano_usd) continue;
    const { numUpdatedRows } = await transaction
      .updateTable("budget_holds")
      .set({ amount_nano_usd: amountNanoUsd })
      .where("request_id", "=", request_id)
      .where("budget_id", "=", budget_id)
      .where("amount_nano_usd", "=", amount_nano_usd)
      .executeTakeFirst();
    if (numUpdatedRows > 0n) changes.add(budget_id, start_ms, 0n, amountNanoUsd - amount_nano_usd);
  }
  await writeChanges(transaction, changes);
}

/**
 * Adds to the reserved sum of a period, if its budget allows it. It is one statement, so that no two requests can take the same room. The first
 * reservation of a period makes its row.
 * @returns the spent sum of the period; `undefined`: the budget refuses, or is gone.
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

interface BudgetSums {
  readonly stop: bigint;
  readonly spent: bigint;
  readonly reserved: bigint;
}

async function readState(db: Kysely<Tables>, { budget, startMs }: Refusal): Promise<BudgetSums> {
  const row = await db
    .selectFrom("budgets")
    .leftJoin("budget_periods", (join) => join.onRef("budget_id", "=", "id").on("start_ms", "=", startMs))
    .select(["stop_nano_usd", "spent_nano_usd", "held_nano_usd"])
    .where("id", "=", budget.id)
    .executeTakeFirst();
  return { stop: row?.stop_nano_usd ?? budget.stopNanoUsd ?? 0n, spent: row?.spent_nano_usd ?? 0n, reserved: row?.held_nano_usd ?? 0n };
}

async function exceeded(
  db: Kysely<Tables>,
  refusal: Refusal,
  { amountNanoUsd, partOf, advise }: ReservationRequest,
): Promise<BudgetExceeded> {
  const { budget, startMs, zone } = refusal;
  const { stop, spent, reserved } = await readState(db, refusal);
  const end = periodEnd(budget.period, startMs, zone);
  const limit = budget.period === "total" ? "The budget" : `The ${budget.period}'s budget`;
  const owner = budget.subject === "user" || budget.subject === "key" ? `this ${budget.subject}` : printSubject(subjectOf(budget));
  const cost = `this request may cost up to ${formatUsd(partOf?.(budget) ?? amountNanoUsd)}`;
  // What a provider or a model has cost all users is no client's business.
  const sums =
    budget.subject === "provider" || budget.subject === "model"
      ? `has no room: ${cost} US dollars`
      : `is ${formatUsd(stop)} US dollars: ${formatUsd(spent)} are spent, ${formatUsd(reserved)} are reserved for active requests, and ${cost}`;
  return new BudgetExceeded(
    budget,
    `${limit} of ${owner} ${sums}. ${advise?.(stop - spent - reserved, budget) ?? "Ask for fewer output tokens"}, or have an admin raise the budget${
      end === undefined ? "" : `; it begins anew at ${new Date(end).toISOString()}`
    }.`,
  );
}
