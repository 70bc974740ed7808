import type { Kysely, Selectable } from "kysely";
import type { LimitsTable, Tables } from "../store/index.ts";
import { readLimitValues } from "../settings/index.ts";
import type { SubjectLimits } from "./limit-table.ts";

/** The limits of all subjects, in the order of their names. */
export async function readLimitRows(db: Kysely<Tables>): Promise<readonly SubjectLimits[]> {
  const rows = await db.selectFrom("limits").selectAll().orderBy("subject").orderBy("subject_id").execute();
  return rows.map(limitsOfRow);
}

export function limitsOfRow(row: Selectable<LimitsTable>): SubjectLimits {
  const { subject, subject_id: name, requests_per_minute, tokens_per_minute, requests_per_day, tokens_per_day, concurrent } = row;
  const all = { requests_per_minute, tokens_per_minute, requests_per_day, tokens_per_day, concurrent };
  const given = Object.fromEntries(Object.entries(all).flatMap(([kind, value]) => (value === null ? [] : [[kind, value]])));
  return { subject: { kind: subject, name }, values: readLimitValues(given) ?? {} };
}
