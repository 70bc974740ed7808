import type { TimeZone } from "../../core/index.ts";
import type { BudgetPeriod } from "./budget-types.ts";

/** First millisecond of the period that contains the time, in days and months of the zone; 0 for `total`. */
export function periodStart(period: BudgetPeriod, timeMs: number, zone: TimeZone): number {
  return period === "total" ? 0 : zone.startOf(period, timeMs);
}

/** First millisecond after the period that begins at `startMs`; `undefined` for `total`, which does not end. */
export function periodEnd(period: BudgetPeriod, startMs: number, zone: TimeZone): number | undefined {
  return period === "total" ? undefined : zone.endOf(period, startMs);
}

/** A sortable key for a period of a budget. All transactions change periods in this order, so that they cannot deadlock. */
export function periodKey(budgetId: string, startMs: number): string {
  return `${budgetId} ${startMs}`;
}
