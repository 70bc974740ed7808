import type { Kysely } from "kysely";
import type { Tables } from "./tables.ts";

/** The only counter so far: users and keys. */
const accounts = "accounts";

/** The same query on every database. @returns how often users or keys have changed. */
export async function readAccountsRevision(db: Kysely<Tables>): Promise<number> {
  const row = await db.selectFrom("revisions").select("value").where("name", "=", accounts).executeTakeFirstOrThrow();
  return row.value;
}

export async function bumpAccountsRevision(db: Kysely<Tables>): Promise<void> {
  await db
    .updateTable("revisions")
    .set((eb) => ({ value: eb("value", "+", 1) }))
    .where("name", "=", accounts)
    .executeTakeFirstOrThrow();
}
