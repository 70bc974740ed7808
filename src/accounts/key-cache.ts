import { createBoundedCache, defaultMarketScope, GatewayError, type Clock } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { effectiveAuthority, readKeyChain, type KeyRow } from "./authority.ts";
import { hashKey, isImportedKeyText, isKeyText } from "./key-text.ts";
import type { Authenticator, Principal } from "./types.ts";

export interface KeyCacheDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** How many good keys are kept. */
  readonly cacheSize: number;
  /** A database that has not answered by then counts as away; 1000. */
  readonly deadlineMs?: number;
}

export interface KeyCache extends Authenticator {
  /**
   * Something has changed: every key must be confirmed by the database before it is admitted again. While the database is away, keys that were known are
   * admitted as before, but for `changedId` (of a user or a key) and the keys made with it.
   */
  drop(changedId?: string): void;
}

/** A key that was known and not revoked when it was read. */
interface KnownKey {
  readonly principal: Principal;
  readonly expiresMs: number | null;
  /** The number of drops before it was read. */
  readonly epoch: number;
}

/** Hashes of unknown keys that are kept: enough for clients that keep sending an old key. Apart from the good ones, so guesses push none out. */
const unknownSize = 1000;
/** Users and keys whose change by this process is remembered, for the time that the database is away. */
const maxChanged = 1000;
const standardDeadlineMs = 1000;

/**
 * Key → principal, by the SHA-256 of the whole key. A known key is answered at once, from memory. Others cost one read of the database by primary
 * index, which all who ask for the same key at the same time share. What the database does not answer within a second is a 503 and is not kept.
 */
// A factory: its functions share the keys that are cached.
// oxlint-disable-next-line max-lines-per-function
export function createKeyCache({ store, clock, cacheSize, deadlineMs = standardDeadlineMs }: KeyCacheDeps): KeyCache {
  const known = createBoundedCache<KnownKey>(cacheSize);
  // A hash costs more than all else here, so a key in use is remembered as it is; it is in the memory of its request anyway, and nowhere else.
  const inUse = createBoundedCache<KnownKey>(cacheSize);
  const unknown = createBoundedCache<true>(unknownSize);
  /** Ids of users and keys → the epoch that their last change began. */
  const changed = new Map<string, number>();
  let pending = new Map<string, Promise<KnownKey | undefined>>();
  let epoch = 0;
  /** Monotonic milliseconds until which the database is not asked again for a key that was known. */
  let awayUntil = -Infinity;

  const noteChange = (id: string): void => {
    changed.delete(id);
    changed.set(id, epoch);
    if (changed.size > maxChanged) changed.delete(changed.keys().next().value!);
  };

  const lookUp = async (keyHash: string, before: KnownKey | undefined): Promise<KnownKey | undefined> => {
    const startedWith = pending;
    const startedIn = epoch;
    try {
      const found = await findKey(store, keyHash);
      const key = found && { ...found, epoch: startedIn };
      // Dropped meanwhile: this answer may be from before the change, so it must not stay.
      if (startedWith === pending) {
        if (key !== undefined) known.set(keyHash, key);
        else {
          unknown.set(keyHash, true);
          if (before !== undefined) noteChange(before.principal.keyId);
        }
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

  /** Whether a change since it was read is known to concern a key. */
  const isChanged = ({ principal, epoch: readIn }: KnownKey): boolean =>
    [principal.userId, principal.keyId, ...(principal.ancestorIds ?? [])].some((id) => (changed.get(id) ?? -1) > readIn);

  /** As the database says; while it is away, as it was before. */
  const confirm = async (keyHash: string, before: KnownKey | undefined): Promise<Principal | undefined> => {
    let underWay = pending.get(keyHash);
    if (underWay === undefined) {
      underWay = withDeadline(lookUp(keyHash, before), deadlineMs);
      pending.set(keyHash, underWay);
    }
    try {
      const read = await underWay;
      return read && admit(read);
    } catch (error) {
      if (before === undefined || isChanged(before) || !isAway(error)) throw error;
      awayUntil = clock.monotonic() + deadlineMs;
      return admit(before);
    }
  };

  return {
    authenticate(key) {
      const used = inUse.get(key);
      if (used !== undefined) return admit(used);
      if (!isKeyText(key) && !isImportedKeyText(key)) return undefined;
      const keyHash = hashKey(key);
      const found = known.get(keyHash);
      if (found?.epoch === epoch) {
        inUse.set(key, found);
        return admit(found);
      }
      if (unknown.get(keyHash) !== undefined) return undefined;
      if (found !== undefined && clock.monotonic() < awayUntil && !isChanged(found)) return admit(found);
      return confirm(keyHash, found);
    },
    drop(changedId) {
      epoch++;
      // Who knows of a change has just heard from the database.
      awayUntil = -Infinity;
      if (changedId !== undefined) noteChange(changedId);
      inUse.clear();
      unknown.clear();
      pending = new Map();
    },
  };
}

/** Who a key, with its ancestors, means, and until when; `undefined`: it is refused. */
export function principalOf(chain: readonly KeyRow[]): Pick<KnownKey, "principal" | "expiresMs"> | undefined {
  const [row] = chain;
  const { isRevoked, expiresMs, role, modelLists, ancestorIds, boundTags, market } = effectiveAuthority(chain);
  if (row === undefined || isRevoked) return undefined;
  const principal: Principal = {
    userId: row.user_id,
    username: row.username,
    keyId: row.id,
    role,
    ...(modelLists.length === 0 ? {} : { modelLists }),
    ...(ancestorIds.length === 0 ? {} : { ancestorIds }),
    ...(boundTags.length === 0 ? {} : { boundTags }),
    ...(row.cache === 1 ? { hasCache: true } : {}),
    ...(market === defaultMarketScope ? {} : { market }),
  };
  return { principal, expiresMs };
}

/** @throws GatewayError `database_unavailable` after `deadlineMs`; the work goes on. */
export async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(databaseAway()), deadlineMs);
    timer.unref();
  });
  // The result after the deadline is ignored.
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function databaseAway(cause?: unknown): GatewayError {
  return new GatewayError(
    "database_unavailable",
    "The API key could not be checked, as the database does not answer. Try again in a moment.",
    {
      retryAfterSeconds: 1,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function isAway(error: unknown): boolean {
  return error instanceof GatewayError && error.code === "database_unavailable";
}

async function findKey(store: Store, keyHash: string): Promise<Omit<KnownKey, "epoch"> | undefined> {
  try {
    const chain = await readKeyChain(store.db, "hash", keyHash);
    const found = principalOf(chain);
    if (found === undefined) return undefined;
    const { principal, expiresMs } = found;
    const [row] = chain;
    const until = row!.hash === keyHash ? null : (row!.previous_until_ms ?? 0);
    const ends = [expiresMs, until].filter((ms) => ms !== null);
    return { principal, expiresMs: ends.length === 0 ? null : Math.min(...ends) };
  } catch (cause) {
    throw databaseAway(cause);
  }
}
