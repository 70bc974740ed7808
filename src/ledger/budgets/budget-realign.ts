import { sql, type Kysely } from "kysely";
import type { Store, Tables } from "../../store/index.ts";
import type { RowCharging } from "./budget-ceiling.ts";
import { periodStart } from "./budget-period.ts";
import { readBudgets } from "./budget-rows.ts";
import { spentSince } from "./budget-spent.ts";
import type { BudgetZones } from "./budget-zones.ts";

interface RealignInput {
  readonly store: Pick<Store, "db" | "dialect">;
  readonly charging: RowCharging;
  readonly nowMs: number;
  readonly zoneOf: BudgetZones;
}

/** See `BudgetAdmin.realign`. Reservations of active requests stay with the period in which they were made. */
export async function realignPeriods({ store, charging, nowMs, zoneOf }: RealignInput): Promise<void> {
  const last = await store.db
    .selectFrom("budget_periods")
    .select(({ fn }) => ["budget_id", fn.max("start_ms").as("start_ms")])
    .where("start_ms", ">", 0)
    .groupBy("budget_id")
    .execute();
  const lastOf = new Map(last.map((row) => [row.budget_id, row.start_ms]));
  const shifted = (await readBudgets(store.db)).filter((budget) => {
    const startMs = lastOf.get(budget.id);
    return startMs !== undefined && budget.period !== "total" && periodStart(budget.period, startMs, zoneOf(budget)) !== startMs;
  });
  for (const budget of shifted) {
    await store.db.transaction().execute(async (transaction) => {
      await lockEntries(store, transaction);
      const startMs = periodStart(budget.period, nowMs, zoneOf(budget));
      const spent = await spentSince({ db: transaction, dialect: store.dialect }, budget, startMs, charging);
      await transaction
        .insertInto("budget_periods")
        .values({ budget_id: budget.id, start_ms: startMs, spent_nano_usd: spent, held_nano_usd: 0n })
        .onConflict((conflict) =>
          // A request may have made the period a moment ago, without what was spent before.
          conflict
            .columns(["budget_id", "start_ms"])
            .doUpdateSet({ spent_nano_usd: spent })
            .where("budget_periods.spent_nano_usd", "<", spent),
        )
        .execute();
    });
  }
}

/** Rows that other processes are inserting now are either in a sum that is read after this, or are inserted after the period exists and are settled with it. */
export async function lockEntries({ dialect }: Pick<Store, "dialect">, transaction: Kysely<Tables>): Promise<void> {
  if (dialect === "postgresql") await sql`lock table usage_entries in share row exclusive mode`.execute(transaction);
}
