import type { Kysely } from "kysely";
import { prefixLabel, printSubject, type Subject } from "../core/index.ts";
import type { Tables } from "../store/index.ts";
import type { ApiKey, Names } from "./types.ts";

/** A database takes a limited number of values in a statement. */
const maxIds = 500;

/** The username of each user and the label of each key with these ids. */
export async function readNames(db: Kysely<Tables>, userIds: readonly string[], keyIds: readonly string[]): Promise<Names> {
  const users = new Map<string, string>();
  for (const ids of chunksOf(userIds)) {
    const rows = await db.selectFrom("users").select(["id", "username"]).where("id", "in", ids).execute();
    for (const { id, username } of rows) users.set(id, username);
  }
  const keys = new Map<string, string>();
  for (const ids of chunksOf(keyIds)) {
    const rows = await db.selectFrom("api_keys").select(["id", "name", "prefix"]).where("id", "in", ids).execute();
    for (const row of rows) keys.set(row.id, keyLabel(row));
  }
  return { users, keys };
}

/** What people call a subject: `alice`, `laptop (tok_ab12…)`, `tag:team:search`. The id of a user or key that is gone. */
export async function readSubjectName(db: Kysely<Tables>, subject: Subject): Promise<string> {
  const { kind, name: id } = subject;
  if (kind !== "user" && kind !== "key") return printSubject(subject);
  const { users, keys } = await readNames(db, kind === "user" ? [id] : [], kind === "key" ? [id] : []);
  return (kind === "user" ? users : keys).get(id) ?? id;
}

/** `laptop (tok_ab12…)`, or `tok_ab12…` for a key without a name. */
export function keyLabel({ name, prefix }: Pick<ApiKey, "name" | "prefix">): string {
  const shown = prefixLabel(prefix);
  return name === null ? shown : `${name} (${shown})`;
}

function chunksOf(ids: readonly string[]): string[][] {
  const distinct = [...new Set(ids)];
  return Array.from({ length: Math.ceil(distinct.length / maxIds) }, (_, i) => distinct.slice(i * maxIds, (i + 1) * maxIds));
}
