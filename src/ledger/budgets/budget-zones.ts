import { createTimeZone, type TimeZone } from "../../core/index.ts";
import type { Budget } from "./budget-types.ts";

/** Finds whose days and months a budget's periods are: those of its own time zone, or else of the ledger. */
export type BudgetZones = (budget: Pick<Budget, "timeZone">) => TimeZone;

/** @param ledgerZone the zone of budgets without their own. */
export function createBudgetZones(ledgerZone: () => TimeZone): BudgetZones {
  // A zone is costly to make, and remembers the period that it found last. There are few names: only admins give them, and only those that exist.
  const zones = new Map<string, TimeZone>();
  return ({ timeZone }) => {
    if (timeZone === null) return ledgerZone();
    const known = zones.get(timeZone);
    if (known !== undefined) return known;
    const made = createTimeZone(timeZone);
    zones.set(timeZone, made);
    return made;
  };
}
