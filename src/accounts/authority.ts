import { sql, type Kysely, type Selectable } from "kysely";
import { defaultMarketScope, GlobList, narrowestScope, readTags, tagLimits, type MarketScope } from "../core/index.ts";
import type { ApiKeysTable, Tables } from "../store/index.ts";
import type { Role } from "./types.ts";

/** A key's row, with the columns of its user that decide what the key may do. */
export type KeyRow = Selectable<ApiKeysTable> & {
  readonly username: string;
  readonly user_role: Role;
  readonly user_disabled_ms: number | null;
  readonly user_tags: string | null;
};

/** What a key may do: what the key and all its ancestors allow. */
export interface Authority {
  /** A key of the chain is revoked or disabled, the chain is incomplete, or the user is disabled. */
  readonly isRevoked: boolean;
  /** The earliest expiry in the chain; `null`: never. */
  readonly expiresMs: number | null;
  /** `admin` only if all keys of the chain are admins' keys, and the user is an admin. */
  readonly role: Role;
  /** A model must be allowed by each of these lists; if empty, all models are allowed. */
  readonly modelLists: readonly GlobList[];
  /** The parent first. What the key spends also counts in their budgets. */
  readonly ancestorIds: readonly string[];
  /** The user's tags, then those of the first ancestor, and so on to the key itself. */
  readonly boundTags: readonly string[];
  /** What all keys of the chain allow. */
  readonly market: MarketScope;
}

/** A key with this number of ancestors cannot make another one, so that no key is expensive to check. */
export const maxAncestors = 8;

/**
 * The only place that decides what a key may do. A key is limited by the key with which it was made, that one by its own parent, and so on: a derived
 * key is never stronger than its parent.
 * @param chain the key, its parent, the parent's parent, …
 */
export function effectiveAuthority(chain: readonly KeyRow[]): Authority {
  const [key, ...ancestors] = chain;
  const isWhole = key !== undefined && chain.at(-1)!.parent_id === null && ancestors.every((row) => row.user_id === key.user_id);
  const expiries = chain.flatMap(({ expires_ms: expiresMs }) => expiresMs ?? []);
  const lists = new Set(chain.flatMap(({ models }) => models ?? []));
  return {
    isRevoked: !isWhole || chain.some((row) => row.revoked_ms !== null || row.disabled_ms !== null || row.user_disabled_ms !== null),
    expiresMs: expiries.length === 0 ? null : Math.min(...expiries),
    role: chain.every((row) => row.role === "admin" && row.user_role === "admin") ? "admin" : "user",
    modelLists: [...lists].map((models) => new GlobList(JSON.parse(models) as string[])),
    ancestorIds: ancestors.map(({ id }) => id),
    boundTags: boundTagsOf(chain),
    market: narrowestScope(chain.map(({ market }) => market ?? defaultMarketScope)),
  };
}

/** Each once. What is beyond the limit of a request is cut off at the key's end, as a user's tags matter most. */
function boundTagsOf(chain: readonly KeyRow[]): readonly string[] {
  const lists = [chain[0]?.user_tags ?? null, ...chain.map(({ tags }) => tags).toReversed()];
  return [...new Set(lists.flatMap(readTags))].slice(0, tagLimits.count);
}

/** The key with this id, or with this hash now or before its rotation, and its ancestors, the parent first; empty if there is no such key. */
export async function readKeyChain(db: Kysely<Tables>, by: "id" | "hash", value: string): Promise<readonly KeyRow[]> {
  return await db
    .withRecursive("chain(id, parent_id, depth)", (query) =>
      query
        .selectFrom("api_keys")
        .select(["id", "parent_id", sql.lit(0).as("depth")])
        .where((where) =>
          by === "id" ? where("id", "=", value) : where.or([where("hash", "=", value), where("previous_hash", "=", value)]),
        )
        .unionAll(
          query
            .selectFrom("chain")
            .innerJoin("api_keys as parent", "parent.id", "chain.parent_id")
            .select(["parent.id", "parent.parent_id", sql<number>`chain.depth + 1`.as("depth")])
            .where("chain.depth", "<", maxAncestors),
        ),
    )
    .selectFrom("chain")
    .innerJoin("api_keys", "api_keys.id", "chain.id")
    .innerJoin("users", "users.id", "api_keys.user_id")
    .selectAll("api_keys")
    .select(["users.username", "users.role as user_role", "users.disabled_ms as user_disabled_ms", "users.tags as user_tags"])
    .orderBy("chain.depth")
    .execute();
}
