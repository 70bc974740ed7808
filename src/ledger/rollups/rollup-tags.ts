import { sql, type Kysely } from "kysely";
import type { Tables } from "../../store/index.ts";

/** The name under which tags without their own sums are counted. */
export const otherTag = "other";

/** The most tags of an installation that have their own sums: the first ones that were used. */
export const maxTags = 1000;

/**
 * Gives new tags their own sums while there is room. A tag that found no room never gets them, so that an entry's tags mean the same at any time. (If
 * a database lets two processes do this at once, a few more than `maxTags` may get them.)
 * @returns the name under which a tag is counted.
 */
export async function admitTags(transaction: Kysely<Tables>, tags: ReadonlySet<string>): Promise<(tag: string) => string> {
  const own = [...tags].filter((tag) => tag !== otherTag);
  const known = await findKnown(transaction, own);
  const unknown = own.filter((tag) => !known.has(tag));
  if (unknown.length > 0) {
    const room = maxTags - (await countTags(transaction));
    const admitted = unknown.slice(0, Math.max(0, room));
    if (admitted.length > 0) {
      await transaction
        .insertInto("usage_tags")
        .values(admitted.map((tag) => ({ tag })))
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
    for (const tag of admitted) known.add(tag);
  }
  return (tag) => (known.has(tag) ? tag : otherTag);
}

/** The most tags in one look-up: a batch may contain thousands of tags, a statement a limited number of parameters. */
const lookupTags = 500;

async function findKnown(transaction: Kysely<Tables>, tags: readonly string[]): Promise<Set<string>> {
  const known = new Set<string>();
  for (let at = 0; at < tags.length; at += lookupTags) {
    const found = await transaction
      .selectFrom("usage_tags")
      .select("tag")
      .where("tag", "in", tags.slice(at, at + lookupTags))
      .execute();
    for (const { tag } of found) known.add(tag);
  }
  return known;
}

async function countTags(transaction: Kysely<Tables>): Promise<number> {
  const { count } = await transaction
    .selectFrom("usage_tags")
    .select(sql<number>`count(*)`.as("count"))
    .executeTakeFirstOrThrow();
  return count;
}
