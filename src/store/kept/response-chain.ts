import { sql, type Kysely } from "kysely";
import type { StoredResponsesTable, Tables } from "../tables.ts";

/** The state of a response that the gateway stores. */
export type StoredStatus = NonNullable<StoredResponsesTable["status"]>;

export interface ChainBounds {
  readonly maxTurns: number;
  /** Limit for all texts together, in characters. */
  readonly maxChars: number;
}

/** One response of a conversation. */
export interface ChainTurn {
  readonly id: string;
  readonly status: StoredStatus;
  /** The turn's own input items, a JSON array. */
  readonly input: string;
  /** The response object, JSON. */
  readonly response: string;
  /** The originals of its placeholders, sealed; omitted if it has none. */
  readonly placeholders?: string;
}

/** A conversation, the oldest turn first, or why it cannot be read. `missing`: it continues a response that is not stored any more. */
export type ResponseChain =
  | { readonly turns: readonly ChainTurn[] }
  | { readonly problem: "missing"; readonly id: string }
  | { readonly problem: "too-long" };

/** The number of turns whose texts one query reads. */
const turnsPerQuery = 100;

/**
 * Follows `previous_id` back to the first response, within the bounds, which also end a circle. It reads only the lengths first, so that a
 * conversation that is too long is refused before its texts are in memory.
 */
export async function readChain(
  db: Kysely<Tables>,
  start: { readonly id: string; readonly userId: string; readonly oldestMs: number },
  { maxTurns, maxChars }: ChainBounds,
): Promise<ResponseChain> {
  const links = await db
    .withRecursive("chain(id, previous_id, status, size_chars, depth)", (query) =>
      query
        .selectFrom("stored_responses")
        .select(["id", "previous_id", "status", "size_chars", sql<number>`1`.as("depth")])
        .where("id", "=", start.id)
        .where("user_id", "=", start.userId)
        .where("created_ms", ">=", start.oldestMs)
        .where("status", "is not", null)
        .unionAll((next) =>
          next
            .selectFrom("stored_responses as earlier")
            .innerJoin("chain", "chain.previous_id", "earlier.id")
            .select(["earlier.id", "earlier.previous_id", "earlier.status", "earlier.size_chars", sql<number>`chain.depth + 1`.as("depth")])
            .where("earlier.user_id", "=", start.userId)
            .where("earlier.created_ms", ">=", start.oldestMs)
            .where("earlier.status", "is not", null)
            .where("chain.depth", "<=", maxTurns),
        ),
    )
    .selectFrom("chain")
    .selectAll()
    .orderBy("depth", "desc")
    .execute();
  const first = links[0];
  if (first === undefined) return { problem: "missing", id: start.id };
  if (links.length > maxTurns || links.reduce((sum, link) => sum + (link.size_chars ?? 0), 0) > maxChars) return { problem: "too-long" };
  if (first.previous_id !== null) return { problem: "missing", id: first.previous_id };
  const bodies = new Map<string, Pick<ChainTurn, "input" | "response" | "placeholders">>();
  for (let at = 0; at < links.length; at += turnsPerQuery) {
    const ids = links.slice(at, at + turnsPerQuery).map((link) => link.id);
    const rows = await db
      .selectFrom("stored_responses")
      .select(["id", "input", "response", "placeholders"])
      .where("id", "in", ids)
      .execute();
    for (const row of rows) {
      const texts = { input: row.input ?? "[]", response: row.response ?? "{}" };
      bodies.set(row.id, row.placeholders === null ? texts : { ...texts, placeholders: row.placeholders });
    }
  }
  const turns: ChainTurn[] = [];
  for (const { id, status } of links) {
    const body = bodies.get(id);
    // Deleted between the two queries.
    if (body === undefined || status === null) return { problem: "missing", id };
    turns.push({ id, status, ...body });
  }
  return { turns };
}
