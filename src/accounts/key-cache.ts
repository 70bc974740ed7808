import { createBoundedCache, GatewayError, type Clock } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { effectiveAuthority, readKeyChain } from "./authority.ts";
import { hashKey, isKeyText } from "./key-text.ts";
import type { Authenticator, Principal } from "./types.ts";

export interface KeyCacheDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** How many good keys are kept. */
  readonly cacheSize: number;
}

export interface KeyCache extends Authenticator {
  /** Forgets all, also what is being looked up at the moment. */
  drop(): void;
}

/** A key that is known and not revoked. */
interface KnownKey {
  readonly principal: Principal;
  readonly expiresMs: number | null;
}

/** Hashes of unknown keys that are kept: enough for clients that keep sending an old key. Apart from the good ones, so guesses push none out. */
const unknownSize = 1000;

/**
 * Key → principal, by the SHA-256 of the whole key. A known key is answered at once, from memory. Others cost one read of the database by primary
 * index, which all who ask for the same key at the same time share. What the database cannot answer is a 503 and is not kept.
 */
export function createKeyCache({ store, clock, cacheSize }: KeyCacheDeps): KeyCache {
  const known = createBoundedCache<KnownKey>(cacheSize);
  // A hash costs more than all else here, so a key in use is remembered as it is; it is in the memory of its request anyway, and nowhere else.
  const inUse = createBoundedCache<KnownKey>(cacheSize);
  const unknown = createBoundedCache<true>(unknownSize);
  let pending = new Map<string, Promise<KnownKey | undefined>>();

  const lookUp = async (keyHash: string): Promise<KnownKey | undefined> => {
    const startedWith = pending;
    try {
      const key = await findKey(store, keyHash);
      // Dropped meanwhile: this answer may be from before the change, so it must not stay.
      if (startedWith === pending) {
        if (key === undefined) unknown.set(keyHash, true);
        else known.set(keyHash, key);
      }
      return key;
    } finally {
      startedWith.delete(keyHash);
    }
  };

  /** By the clock, each time: a key expires in the cache, too. */
  const admit = ({ principal, expiresMs }: KnownKey): Principal => {
    if (expiresMs === null || clock.now() < expiresMs) return principal;
    throw new GatewayError(
      "expired_api_key",
      `The API key expired at ${new Date(expiresMs).toISOString()}. \`tokligence apikey create\` makes a new one.`,
    );
  };

  return {
    authenticate(key) {
      const used = inUse.get(key);
      if (used !== undefined) return admit(used);
      if (!isKeyText(key)) return undefined;
      const keyHash = hashKey(key);
      const found = known.get(keyHash);
      if (found !== undefined) {
        inUse.set(key, found);
        return admit(found);
      }
      if (unknown.get(keyHash) !== undefined) return undefined;
      let underWay = pending.get(keyHash);
      if (underWay === undefined) {
        underWay = lookUp(keyHash);
        pending.set(keyHash, underWay);
      }
      return underWay.then((read) => read && admit(read));
    },
    drop() {
      known.clear();
      inUse.clear();
      unknown.clear();
      pending = new Map();
    },
  };
}

async function findKey(store: Store, keyHash: string): Promise<KnownKey | undefined> {
  try {
    const chain = await readKeyChain(store.db, "hash", keyHash);
    const [row] = chain;
    const { isRevoked, expiresMs, role, modelLists, ancestorIds } = effectiveAuthority(chain);
    if (row === undefined || isRevoked) return undefined;
    const principal: Principal = {
      userId: row.user_id,
      username: row.username,
      keyId: row.id,
      role,
      ...(modelLists.length === 0 ? {} : { modelLists }),
      ...(ancestorIds.length === 0 ? {} : { ancestorIds }),
    };
    return { principal, expiresMs };
  } catch (cause) {
    throw new GatewayError("internal_error", "The API key could not be checked, as the database does not answer. Try again in a moment.", {
      status: 503,
      kind: "overloaded",
      retryAfterSeconds: 1,
      cause,
    });
  }
}
