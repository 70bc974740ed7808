import { sql, type Kysely } from "kysely";
import type { TimeZone } from "../../core/index.ts";
import { readKeyDescendants, type Store, type Tables } from "../../store/index.ts";
import { ceilingCost, chargeOfRow, type RowCharging } from "./budget-ceiling.ts";
import { correctionStep } from "../entries/usage-row.ts";
import { periodStart } from "./budget-period.ts";
import { readBudgets } from "./budget-rows.ts";
import type { Budget } from "./budget-types.ts";

interface RealignInput {
  readonly store: Pick<Store, "db" | "dialect">;
  readonly charging: RowCharging;
  readonly nowMs: number;
  readonly zone: TimeZone;
}

/** See `BudgetAdmin.realign`. Reservations of active requests stay with the period in which they were made. */
export async function realignPeriods({ store, charging, nowMs, zone }: RealignInput): Promise<void> {
  const last = await store.db
    .selectFrom("budget_periods")
    .select(({ fn }) => ["budget_id", fn.max("start_ms").as("start_ms")])
    .where("start_ms", ">", 0)
    .groupBy("budget_id")
    .execute();
  const lastOf = new Map(last.map((row) => [row.budget_id, row.start_ms]));
  const shifted = (await readBudgets(store.db)).filter(({ id, period }) => {
    const startMs = lastOf.get(id);
    return startMs !== undefined && period !== "total" && periodStart(period, startMs, zone) !== startMs;
  });
  for (const budget of shifted) {
    await store.db.transaction().execute(async (transaction) => {
      await lockEntries(store, transaction);
      const startMs = periodStart(budget.period, nowMs, zone);
      const spent = await spentSince(transaction, budget, startMs, charging);
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

/**
 * The ledger's sum since a time, for a user, or for a key and all keys made with it. Entries without a price count as they are settled, unless a correction has given
 * them one.
 */
export async function spentSince(db: Kysely<Tables>, budget: Budget, startMs: number, charging: RowCharging): Promise<bigint> {
  const { subject, subjectId } = budget;
  const subjectIds = subject === "key" ? [subjectId, ...(await readKeyDescendants(db, subjectId))] : [subjectId];
  const entries = db
    .selectFrom("usage_entries")
    .where(subject === "user" ? "user_id" : "key_id", "in", subjectIds)
    .where("time_ms", ">=", startMs);
  const plain = sql<boolean>`not ${mayHaveBound} and ${isUnpriced}`;
  const row = await entries
    .select([
      sql<bigint | null>`cast(sum(cost_nano_usd) as bigint)`.as("cost_nano_usd"),
      sql<number | null>`cast(sum(case when ${plain} then input_tokens end) as bigint)`.as("input"),
      sql<number | null>`cast(sum(case when ${plain} then output_tokens end) as bigint)`.as("output"),
    ])
    .executeTakeFirstOrThrow();
  let spent = (row.cost_nano_usd ?? 0n) + ceilingCost(charging.ceiling, row.input ?? 0, row.output ?? 0);
  const bounded = entries.selectAll().where(mayHaveBound).where(isUnpriced).orderBy("time_ms").orderBy("request_id").orderBy("attempt");
  for (let offset = 0; ; offset += pageRows) {
    const page = await bounded.limit(pageRows).offset(offset).execute();
    for (const each of page) spent += chargeOfRow(each, charging) ?? 0n;
    if (page.length < pageRows) return spent;
  }
}

const pageRows = 1000;

/** Of an entry without a cost: its class of service or its speed is why, and the price of the standard one bounds it. Earlier versions have the class in the snapshot. */
const mayHaveBound = sql<boolean>`(service_class is not null or units is not null or price_snapshot is not null)`;

/** Of an entry: it has no cost, and no correction. One of those is at the entry's own time. */
const isUnpriced = sql<boolean>`cost_nano_usd is null and not exists (
  select 1 from usage_entries as correction
  where correction.request_id = usage_entries.request_id and correction.time_ms = usage_entries.time_ms and correction.direction = 'correct'
  and correction.attempt % ${sql.lit(correctionStep)} = usage_entries.attempt
)`;
