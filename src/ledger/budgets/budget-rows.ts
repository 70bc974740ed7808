import type { Kysely, Selectable } from "kysely";
import type { BudgetsTable, Tables } from "../../store/index.ts";
import type { Subject } from "../../core/index.ts";
import type { Budget } from "./budget-types.ts";

/** Budgets in the order of their ids: all of them, or those of some subjects; a user or key is found by its id. */
export async function readBudgets(db: Kysely<Tables>, subjects?: readonly Subject[]): Promise<readonly Budget[]> {
  if (subjects?.length === 0) return [];
  let select = db.selectFrom("budgets").selectAll().orderBy("id");
  if (subjects === undefined) return (await select.execute()).map(budgetOf);
  select = select.where(
    "subject_id",
    "in",
    subjects.map(({ name }) => name),
  );
  const wanted = new Set(subjects.map(keyOf));
  return (await select.execute()).map(budgetOf).filter((budget) => wanted.has(keyOf(subjectOf(budget))));
}

/** The budgets that may count requests of these users, keys and tags, and all those of models and providers. */
export async function readCountingBudgets(db: Kysely<Tables>, names: readonly string[]): Promise<readonly Budget[]> {
  const rows = await db
    .selectFrom("budgets")
    .selectAll()
    .where((each) => each.or([each("subject_id", "in", names), each("subject", "in", ["model", "provider"])]))
    .orderBy("id")
    .execute();
  return rows.map(budgetOf);
}

export function subjectOf({ subject, subjectId }: Pick<Budget, "subject" | "subjectId">): Subject {
  return { kind: subject, name: subjectId };
}

function keyOf({ kind, name }: Subject): string {
  return `${kind} ${name}`;
}

export function budgetOf(row: Selectable<BudgetsTable>): Budget {
  return {
    id: row.id,
    subject: row.subject,
    subjectId: row.subject_id,
    period: row.period,
    warnNanoUsd: row.warn_nano_usd,
    stopNanoUsd: row.stop_nano_usd,
    timeZone: row.time_zone,
  };
}
