import { CompiledQuery, type Kysely } from "kysely";
import type { SqlValue, Store, Tables } from "../../store/index.ts";
import { decodeDetails } from "../entries/usage-details.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import { modelOf } from "./rollup-sums.ts";

const spans = { hour: 3_600_000, day: 86_400_000 } as const;
const keyColumns = ["span", "start_ms", "user_id", "key_id", "provider", "model", "dialect", "unit"] as const;

/** Whether a row counts anything beside plain tokens. */
export function hasUnits({ units, direction }: UsageRow): boolean {
  return units !== null && direction !== "correct";
}

/** Adds the units of rows to the sums of their hour and day. Few rows have some, and few units each. */
export async function addUnitSums(transaction: Kysely<Tables>, dialect: Store["dialect"], rows: readonly UsageRow[]): Promise<void> {
  const sums = new Map<string, { readonly key: readonly SqlValue[]; count: number }>();
  for (const row of rows) {
    for (const [unit, count] of Object.entries(decodeDetails(row.units).units ?? {})) {
      for (const [span, length] of Object.entries(spans)) {
        const key = [span, row.time_ms - (row.time_ms % length), row.user_id, row.key_id, row.provider, modelOf(row), row.dialect, unit];
        const text = key.join("\0");
        const known = sums.get(text);
        if (known === undefined) sums.set(text, { key, count });
        else known.count += count;
      }
    }
  }
  // Always in the same order, so that two transactions cannot deadlock.
  for (const [, { key, count }] of [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    await transaction.executeQuery(CompiledQuery.raw(upsertText(dialect), [...key, count]));
}

function upsertText(dialect: Store["dialect"]): string {
  const places = [...keyColumns, "count"].map((_, i) => (dialect === "sqlite" ? "?" : `$${i + 1}`));
  return `insert into usage_unit_sums (${keyColumns.join(", ")}, count) values (${places.join(", ")}) on conflict (${keyColumns.join(", ")}) do update set count = usage_unit_sums.count + excluded.count`;
}
