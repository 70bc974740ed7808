import type { Clock } from "../../core/index.ts";
import type { Store } from "../types.ts";

/** A context cache at a provider. */
export interface StoredContextCache {
  /** What requests refer to it by. */
  readonly name: string;
  readonly tokens: number;
  /** When its provider deletes it, milliseconds since 1970. */
  readonly expiresMs: number;
}

export interface ContextCacheClaim {
  /** Hash of the prompt that it keeps, and of whose it is. */
  readonly prefix: string;
  readonly keyId: string;
  /** Until then no other process makes it. */
  readonly untilMs: number;
}

/** The context caches of all processes, so that each is made once. The number of caches is bounded, for each key and in all. */
export interface ContextCacheTable {
  /** `claimed`: the caller makes the cache. Otherwise the one that there is; `busy`: somebody makes it; `full`: there are too many. */
  claim(claim: ContextCacheClaim): Promise<"claimed" | "busy" | "full" | StoredContextCache>;
  publish(prefix: string, cache: StoredContextCache): Promise<void>;
  /** Moves the end of a cache. @returns `undefined`: another process has moved it, or it is gone. */
  extend(prefix: string, fromMs: number, toMs: number): Promise<true | undefined>;
  find(prefix: string): Promise<StoredContextCache | undefined>;
  drop(prefix: string): Promise<void>;
}

const mostOfKey = 20;
const mostOfAll = 1000;

export function createContextCacheTable(store: Store, clock: Clock): ContextCacheTable {
  const { db } = store;
  return {
    claim: ({ prefix, keyId, untilMs }) =>
      db.transaction().execute(async (transaction) => {
        await transaction.deleteFrom("context_caches").where("expires_ms", "<=", clock.now()).execute();
        const known = await transaction.selectFrom("context_caches").selectAll().where("prefix", "=", prefix).executeTakeFirst();
        if (known !== undefined) return storedCache(known) ?? "busy";
        const count = transaction.selectFrom("context_caches").select(({ fn }) => fn.countAll<number>().as("count"));
        const [ofAll, ofKey] = [await count.executeTakeFirstOrThrow(), await count.where("key_id", "=", keyId).executeTakeFirstOrThrow()];
        if (ofAll.count >= mostOfAll || ofKey.count >= mostOfKey) return "full";
        await transaction
          .insertInto("context_caches")
          .values({ prefix, key_id: keyId, name: null, tokens: null, expires_ms: untilMs })
          .execute();
        return "claimed";
      }),
    async publish(prefix, { name, tokens, expiresMs }) {
      await db.updateTable("context_caches").set({ name, tokens, expires_ms: expiresMs }).where("prefix", "=", prefix).execute();
    },
    async extend(prefix, fromMs, toMs) {
      const { numUpdatedRows } = await db
        .updateTable("context_caches")
        .set({ expires_ms: toMs })
        .where("prefix", "=", prefix)
        .where("expires_ms", "=", fromMs)
        .executeTakeFirstOrThrow();
      return numUpdatedRows > 0n ? true : undefined;
    },
    async find(prefix) {
      const row = await db
        .selectFrom("context_caches")
        .selectAll()
        .where("prefix", "=", prefix)
        .where("expires_ms", ">", clock.now())
        .executeTakeFirst();
      return row && storedCache(row);
    },
    async drop(prefix) {
      await db.deleteFrom("context_caches").where("prefix", "=", prefix).execute();
    },
  };
}

function storedCache(row: {
  readonly name: string | null;
  readonly tokens: number | null;
  readonly expires_ms: number;
}): StoredContextCache | undefined {
  const { name, tokens, expires_ms: expiresMs } = row;
  return name === null || tokens === null ? undefined : { name, tokens, expiresMs };
}
