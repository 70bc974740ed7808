import type { BudgetPeriod } from "./budget-types.ts";

/** First millisecond of the period that contains the time, in UTC; 0 for `total`. */
export function periodStart(period: BudgetPeriod, timeMs: number): number {
  const time = new Date(timeMs);
  switch (period) {
    case "day":
      return Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate());
    case "month":
      return Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), 1);
    case "total":
      return 0;
  }
}

/** First millisecond after the period that begins at `startMs`; `undefined` for `total`, which does not end. */
export function periodEnd(period: BudgetPeriod, startMs: number): number | undefined {
  const start = new Date(startMs);
  switch (period) {
    case "day":
      return Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate() + 1);
    case "month":
      return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1);
    case "total":
      return undefined;
  }
}

/** A sortable key for a period of a budget. All transactions change periods in this order, so that they cannot deadlock. */
export function periodKey(budgetId: string, startMs: number): string {
  return `${budgetId} ${startMs}`;
}
