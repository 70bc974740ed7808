import { sql, type Kysely } from "kysely";
import type { Tables } from "./tables.ts";

/**
 * The ancestors of each of these keys, in any order; a key without a parent is not in the map. A key's ancestors never change. `union` without `all`
 * ends a circle of parents, which only a manual change of the database can create.
 */
export async function readKeyAncestors(db: Kysely<Tables>, keyIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const ancestors = new Map<string, string[]>();
  if (keyIds.length === 0) return ancestors;
  const { rows } = await sql<{ key_id: string; ancestor_id: string }>`
    with recursive lineage(key_id, ancestor_id) as (
      select id, parent_id from api_keys where parent_id is not null and id in (${sql.join(keyIds)})
      union
      select lineage.key_id, parent.parent_id from lineage join api_keys as parent on parent.id = lineage.ancestor_id
      where parent.parent_id is not null
    )
    select key_id, ancestor_id from lineage`.execute(db);
  for (const { key_id: keyId, ancestor_id: ancestorId } of rows) {
    const known = ancestors.get(keyId);
    if (known === undefined) ancestors.set(keyId, [ancestorId]);
    else known.push(ancestorId);
  }
  return ancestors;
}

/** The keys that were made with this key, the keys made with those, and so on; without the key itself. */
export async function readKeyDescendants(db: Kysely<Tables>, keyId: string): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive descendants(id) as (
      select id from api_keys where parent_id = ${keyId}
      union
      select child.id from descendants join api_keys as child on child.parent_id = descendants.id
    )
    select id from descendants where id <> ${keyId}`.execute(db);
  return rows.map(({ id }) => id);
}
