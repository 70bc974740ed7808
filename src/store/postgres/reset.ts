import { migrations } from "../migrations/index.ts";
import { createPostgresDatabase, defaultTimeouts } from "./database.ts";
import type { PostgresPlace } from "./place.ts";

/** The names after `create table` or `create function` in all migrations. */
function namesOf(what: "table" | "function"): readonly string[] {
  const pattern = new RegExp(`create (?:unlogged )?${what} (?:if not exists )?([a-z_]+)`, "g");
  return [...new Set(migrations.flatMap(({ postgresql }) => [...postgresql.matchAll(pattern)].map(([, name]) => name!)))];
}

/** Removes all tables and functions of this program, with their data, in one transaction. Those of others stay. @throws StoreError */
export async function resetPostgres(place: PostgresPlace): Promise<void> {
  const database = await createPostgresDatabase(place, 1, defaultTimeouts);
  const session = await database.begin("begin");
  let isDone = false;
  try {
    await session.script(`drop table if exists schema_migrations, ${namesOf("table").join(", ")} cascade`);
    await session.script(`drop function if exists ${namesOf("function").join(", ")} cascade`);
    await session.script("commit");
    isDone = true;
  } finally {
    session.release(!isDone);
    await database.close();
  }
}
