import type { Kysely, Selectable } from "kysely";
import type { BudgetsTable, Tables } from "../../store/index.ts";
import type { Budget } from "./budget-types.ts";

/** Budgets in the order of their ids: all of them, or those of some users and keys. */
export async function readBudgets(db: Kysely<Tables>, subjectIds?: readonly string[]): Promise<readonly Budget[]> {
  if (subjectIds?.length === 0) return [];
  let select = db.selectFrom("budgets").selectAll().orderBy("id");
  if (subjectIds !== undefined) select = select.where("subject_id", "in", subjectIds);
  return (await select.execute()).map(budgetOf);
}

export function budgetOf(row: Selectable<BudgetsTable>): Budget {
  return {
    id: row.id,
    subject: row.subject,
    subjectId: row.subject_id,
    period: row.period,
    warnNanoUsd: row.warn_nano_usd,
    stopNanoUsd: row.stop_nano_usd,
  };
}
