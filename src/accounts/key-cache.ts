import { createBoundedCache, GatewayError } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { hashKey, isKeyText } from "./key-text.ts";
import type { Authenticator, Principal } from "./types.ts";

export interface KeyCacheDeps {
  readonly store: Store;
  /** How many good keys are kept. */
  readonly cacheSize: number;
}

export interface KeyCache extends Authenticator {
  /** Forgets all, also what is being looked up at the moment. */
  drop(): void;
}

/** Hashes of unknown keys that are kept: enough for clients that keep sending an old key. Apart from the good ones, so guesses push none out. */
const unknownSize = 1000;

/**
 * Key → principal, by the SHA-256 of the whole key. A known key is answered at once, from memory. Others cost one read of the database by primary
 * index, which all who ask for the same key at the same time share. What the database cannot answer is a 503 and is not kept.
 */
export function createKeyCache({ store, cacheSize }: KeyCacheDeps): KeyCache {
  const known = createBoundedCache<Principal>(cacheSize);
  // A hash costs more than all else here, so a key in use is remembered as it is; it is in the memory of its request anyway, and nowhere else.
  const inUse = createBoundedCache<Principal>(cacheSize);
  const unknown = createBoundedCache<true>(unknownSize);
  let pending = new Map<string, Promise<Principal | undefined>>();

  const lookUp = async (keyHash: string): Promise<Principal | undefined> => {
    const startedWith = pending;
    try {
      const principal = await findPrincipal(store, keyHash);
      // Dropped meanwhile: this answer may be from before the change, so it must not stay.
      if (startedWith === pending) {
        if (principal === undefined) unknown.set(keyHash, true);
        else known.set(keyHash, principal);
      }
      return principal;
    } finally {
      startedWith.delete(keyHash);
    }
  };

  return {
    authenticate(key) {
      const user = inUse.get(key);
      if (user !== undefined) return user;
      if (!isKeyText(key)) return undefined;
      const keyHash = hashKey(key);
      const principal = known.get(keyHash);
      if (principal !== undefined) {
        inUse.set(key, principal);
        return principal;
      }
      if (unknown.get(keyHash) !== undefined) return undefined;
      const underWay = pending.get(keyHash);
      if (underWay !== undefined) return underWay;
      const started = lookUp(keyHash);
      pending.set(keyHash, started);
      return started;
    },
    drop() {
      known.clear();
      inUse.clear();
      unknown.clear();
      pending = new Map();
    },
  };
}

async function findPrincipal(store: Store, keyHash: string): Promise<Principal | undefined> {
  try {
    const row = await store.db
      .selectFrom("api_keys")
      .innerJoin("users", "users.id", "api_keys.user_id")
      .select(["users.id as user_id", "users.username", "api_keys.id as key_id", "api_keys.role"])
      .where("api_keys.hash", "=", keyHash)
      .where("api_keys.revoked_ms", "is", null)
      .executeTakeFirst();
    return row && { userId: row.user_id, username: row.username, keyId: row.key_id, role: row.role };
  } catch (cause) {
    throw new GatewayError("internal_error", "The API key could not be checked, as the database does not answer. Try again in a moment.", {
      status: 503,
      kind: "overloaded",
      retryAfterSeconds: 1,
      cause,
    });
  }
}
