import { sql, type Kysely } from "kysely";
import type { Tables } from "./tables.ts";

/** SQLite: all usage entries that are there now are in the audit trail. */
export async function markAllSealed(db: Kysely<Tables>): Promise<void> {
  await sql`update audit_state set value = (select coalesce(max(rowid), 0) from usage_entries) where name = 'usage'`.execute(db);
}

/**
 * SQLite, after usage entries have been deleted: the next entry gets the `rowid` after the highest one that is left, and must not count as one that is in the
 * audit trail.
 */
export async function lowerSealedPlace(db: Kysely<Tables>): Promise<void> {
  await sql`
    update audit_state set value = (select coalesce(max(rowid), 0) from usage_entries)
    where name = 'usage' and value > (select coalesce(max(rowid), 0) from usage_entries)`.execute(db);
}
