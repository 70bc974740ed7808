import type { Kysely, Selectable, Transaction } from "kysely";
import type { Clock, IdSource } from "../core/index.ts";
import { defaultMarketScope, GatewayError, readTags, writeTags, type MarketScope } from "../core/index.ts";
import { readKeyDescendants, type ApiKeysTable, type Store, type Tables } from "../store/index.ts";
import { effectiveAuthority, maxAncestors, readKeyChain } from "./authority.ts";
import { hashKey, makeKeyText, readPrefix, shownPrefix } from "./key-text.ts";
import type { Accounts, ApiKey, NewKeyInput, Role } from "./types.ts";
import { findUser, type UserRow } from "./users.ts";
import { checkKeyName, checkMarketScope, checkModels, checkRole, checkTags, quoteRef, readExpiry } from "./validate.ts";

export interface ApiKeysDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random: (size: number) => Uint8Array;
  /** Called after a change or a revocation is in the database and before it is answered. */
  readonly onChanged: (keyId: string) => void;
}

/** A key, with the name of its user. */
export type ListedKeyRow = Selectable<ApiKeysTable> & { readonly username: string };

export function createApiKeys({
  store,
  clock,
  ids,
  random,
  onChanged,
}: ApiKeysDeps): Pick<Accounts, "createKey" | "getKey" | "listKeys" | "revokeKey"> {
  return {
    async createKey(input) {
      const name = checkKeyName(input.name);
      const given = checkModels(input.models);
      const tags = writeTags(checkTags(input.tags)) ?? null;
      const key = makeKeyText(random);
      const row = await store.db.transaction().execute(async (transaction): Promise<ListedKeyRow> => {
        const made = await insertKey(transaction, input, { name, given, tags, key, id: ids.next("key"), nowMs: clock.now() });
        await store.bumpRevision(transaction);
        return made;
      });
      return { ...keyOf(row), key };
    },
    getKey: async (keyRef) => keyOf(await findKey(store.db, keyRef, undefined)),
    async listKeys({ user, limit, after } = {}) {
      // Ids are made in the order of time.
      let query = selectKeys(store.db).orderBy("api_keys.id");
      if (user !== undefined) query = query.where("api_keys.user_id", "=", (await findUser(store.db, user)).id);
      if (after !== undefined) query = query.where("api_keys.id", ">", after);
      if (limit !== undefined) query = query.limit(limit);
      return (await query.execute()).map(keyOf);
    },
    async revokeKey(keyRef, filter = {}) {
      const row = await store.db.transaction().execute(async (transaction): Promise<ListedKeyRow> => {
        const userId = filter.user === undefined ? undefined : (await findUser(transaction, filter.user)).id;
        const found = await findKey(transaction, keyRef, userId);
        const revoked_ms = clock.now();
        // A key that was revoked before keeps its time of revocation.
        const revoked = await transaction
          .updateTable("api_keys")
          .set({ revoked_ms })
          .where("id", "in", [found.id, ...(await readKeyDescendants(transaction, found.id))])
          .where("revoked_ms", "is", null)
          .executeTakeFirstOrThrow();
        if (revoked.numUpdatedRows > 0n) await store.bumpRevision(transaction);
        return { ...found, revoked_ms: found.revoked_ms ?? revoked_ms };
      });
      onChanged(row.id);
      return keyOf(row);
    },
  };
}

interface CheckedKey {
  readonly id: string;
  readonly name: string | null;
  /** The models that the caller gives; `null`: no list. */
  readonly given: readonly string[] | null;
  /** As in the table. */
  readonly tags: string | null;
  /** The whole key, whose hash is stored. */
  readonly key: string;
  readonly nowMs: number;
}

/** @throws GatewayError `conflict` if the user is disabled; `invalid_request` for more than the caller may give. */
async function insertKey(
  transaction: Transaction<Tables>,
  input: NewKeyInput,
  { id, name, given, tags, key, nowMs }: CheckedKey,
): Promise<ListedKeyRow> {
  const user = await findUser(transaction, input.user);
  if (user.disabled_ms !== null) {
    throw new GatewayError(
      "conflict",
      `The user "${user.username}" is disabled. \`tokligence user enable ${user.username}\` undoes that.`,
      {
        param: "user",
      },
    );
  }
  const bounds = await boundsOf(transaction, user, input, nowMs);
  if (bounds.models !== null && given !== null) {
    throw new GatewayError("invalid_request", "Your own key has a list of models, which the new one inherits: leave models out.", {
      param: "models",
    });
  }
  const models = bounds.models ?? (given === null ? null : JSON.stringify(given));
  const made: Selectable<ApiKeysTable> = {
    id,
    user_id: user.id,
    name,
    role: roleFor(user, input.role, bounds.role),
    hash: hashKey(key),
    prefix: shownPrefix(key),
    created_ms: nowMs,
    revoked_ms: null,
    expires_ms: readExpiry(input.expires ?? bounds.expires, nowMs, bounds.expires),
    models,
    parent_id: input.parent ?? null,
    tags,
    cache: input.cache === "on" ? 1 : null,
    disabled_ms: null,
    previous_hash: null,
    previous_until_ms: null,
    market: storedScope(checkMarketScope(input.market ?? defaultMarketScope)),
  };
  await transaction.insertInto("api_keys").values(made).executeTakeFirstOrThrow();
  return { ...made, username: user.username };
}

export function storedScope(scope: MarketScope): "off" | "any" | null {
  return scope === "peers" ? null : scope;
}

interface Bounds {
  readonly role: Role;
  /** RFC 3339: the new key must not expire later. */
  readonly expires: string | undefined;
  /** As in the table; the new key gets the same value. */
  readonly models: string | null;
}

/** The most that the new key may have: what its parent may do now or, without a parent, what its user may have. */
async function boundsOf(transaction: Transaction<Tables>, user: UserRow, { parent }: NewKeyInput, nowMs: number): Promise<Bounds> {
  if (parent === undefined) return { role: user.role, expires: undefined, models: null };
  const chain = await readKeyChain(transaction, "id", parent);
  const { isRevoked, expiresMs, role, ancestorIds } = effectiveAuthority(chain);
  if (isRevoked || chain[0]!.user_id !== user.id || (expiresMs !== null && expiresMs <= nowMs)) {
    throw new GatewayError("invalid_api_key", "The key that asks for another one has been revoked or has expired.");
  }
  if (ancestorIds.length >= maxAncestors) {
    throw new GatewayError(
      "invalid_request",
      `Your key is the last in a chain of ${maxAncestors + 1} keys of which each made the next; it cannot make another one. Make one with an earlier key, or ask an admin.`,
    );
  }
  const models = chain.map((row) => row.models).find((list) => list !== null) ?? null;
  return { role, expires: expiresMs === null ? undefined : new Date(expiresMs).toISOString(), models };
}

/** @throws GatewayError `invalid_request` for a role that the user, or the parent key, does not have. */
function roleFor(user: UserRow, wanted: unknown, most: Role): Role {
  const role = checkRole(wanted, most);
  if (role !== "admin" || most === "admin") return role;
  const why =
    user.role === "admin"
      ? "Your own key is not an admin's key, so the new one cannot be one."
      : `The user "${user.username}" is not an admin, so it cannot have an admin's key. Leave the role out, or name an admin.`;
  throw new GatewayError("invalid_request", why, { param: "role" });
}

/** Keys with the names of their users. */
function selectKeys(db: Kysely<Tables>) {
  return db.selectFrom("api_keys").innerJoin("users", "users.id", "api_keys.user_id").selectAll("api_keys").select("users.username");
}

/**
 * Finds a key by its id, or by its prefix if only one key has it. The key of another user is reported as not found.
 * @throws GatewayError `not_found`; `conflict` if several keys have the prefix.
 */
export async function findKey(db: Kysely<Tables>, keyRef: string, userId: string | undefined): Promise<ListedKeyRow> {
  const prefix = readPrefix(keyRef);
  let query = selectKeys(db).where(prefix === undefined ? "api_keys.id" : "api_keys.prefix", "=", prefix ?? keyRef);
  if (userId !== undefined) query = query.where("api_keys.user_id", "=", userId);
  const rows = await query.limit(2).execute();
  if (rows.length === 1) return rows[0]!;
  if (rows.length > 1) {
    throw new GatewayError("conflict", `Several keys begin with ${prefix}. Name the key by its id: \`tokligence apikey list --ids\`.`, {
      param: "key_id",
    });
  }
  throw new GatewayError(
    "not_found",
    `There is no key with the id${quoteRef(keyRef)}. \`tokligence apikey list --ids\` shows the ids; a key's own text is not its id.`,
    { param: "key_id" },
  );
}

export function keyOf(row: ListedKeyRow): ApiKey {
  return {
    id: row.id,
    user_id: row.user_id,
    username: row.username,
    name: row.name,
    role: row.role,
    prefix: row.prefix,
    created_at: new Date(row.created_ms).toISOString(),
    revoked_at: row.revoked_ms === null ? null : new Date(row.revoked_ms).toISOString(),
    expires_at: row.expires_ms === null ? null : new Date(row.expires_ms).toISOString(),
    models: row.models === null ? null : (JSON.parse(row.models) as string[]),
    parent_id: row.parent_id,
    tags: readTags(row.tags),
    cache: row.cache === 1 ? "on" : "off",
    disabled_at: row.disabled_ms === null ? null : new Date(row.disabled_ms).toISOString(),
    previous_until: row.previous_until_ms === null ? null : new Date(row.previous_until_ms).toISOString(),
    market: row.market ?? defaultMarketScope,
  };
}
