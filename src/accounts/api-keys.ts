import type { Kysely, Selectable } from "kysely";
import type { Clock, IdSource } from "../core/index.ts";
import { GatewayError } from "../core/index.ts";
import type { ApiKeysTable, Store, Tables } from "../store/index.ts";
import { hashKey, makeKeyText, shownPrefix } from "./key-text.ts";
import type { Accounts, ApiKey } from "./types.ts";
import { findUser } from "./users.ts";
import { checkKeyName, checkModels, checkRole, quoteRef, readExpiry } from "./validate.ts";

export interface ApiKeysDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random: (size: number) => Uint8Array;
  /** Called after a revocation is in the database and before it is answered. */
  readonly onRevoked: () => void;
}

type KeyRow = Selectable<ApiKeysTable>;

export function createApiKeys({
  store,
  clock,
  ids,
  random,
  onRevoked,
}: ApiKeysDeps): Pick<Accounts, "createKey" | "getKey" | "listKeys" | "revokeKey"> {
  return {
    async createKey(input) {
      const name = checkKeyName(input.name);
      const models = checkModels(input.models);
      const key = makeKeyText(random);
      const row = await store.db.transaction().execute(async (transaction): Promise<KeyRow> => {
        const user = await findUser(transaction, input.user);
        const role = checkRole(input.role, user.role);
        if (role === "admin" && user.role !== "admin") {
          throw new GatewayError(
            "invalid_request",
            `The user "${user.username}" is no admin, so it cannot have an admin's key. Leave the role out, or name an admin.`,
            { param: "role" },
          );
        }
        const id = ids.next("key");
        const created_ms = clock.now();
        const made: KeyRow = {
          id,
          user_id: user.id,
          name,
          role,
          hash: hashKey(key),
          prefix: shownPrefix(key),
          created_ms,
          revoked_ms: null,
          expires_ms: readExpiry(input.expires, created_ms, input.notAfter),
          models: models === null ? null : JSON.stringify(models),
        };
        await transaction.insertInto("api_keys").values(made).executeTakeFirstOrThrow();
        await store.bumpRevision(transaction);
        return made;
      });
      return { ...keyOf(row), key };
    },
    getKey: async (keyId) => keyOf(await findKey(store.db, keyId, undefined)),
    async listKeys(filter = {}) {
      let query = store.db.selectFrom("api_keys").selectAll();
      if (filter.user !== undefined) query = query.where("user_id", "=", (await findUser(store.db, filter.user)).id);
      const rows = await query.orderBy("created_ms").orderBy("id").execute();
      return rows.map(keyOf);
    },
    async revokeKey(keyId, filter = {}) {
      const row = await store.db.transaction().execute(async (transaction): Promise<KeyRow> => {
        const userId = filter.user === undefined ? undefined : (await findUser(transaction, filter.user)).id;
        const found = await findKey(transaction, keyId, userId);
        // Revoking twice keeps the first time.
        if (found.revoked_ms !== null) return found;
        const revoked_ms = clock.now();
        await transaction.updateTable("api_keys").set({ revoked_ms }).where("id", "=", keyId).executeTakeFirstOrThrow();
        await store.bumpRevision(transaction);
        return { ...found, revoked_ms };
      });
      onRevoked();
      return keyOf(row);
    },
  };
}

/** Another user's key is not found, as if it did not exist. */
async function findKey(db: Kysely<Tables>, keyId: string, userId: string | undefined): Promise<KeyRow> {
  const row = await db.selectFrom("api_keys").selectAll().where("id", "=", keyId).executeTakeFirst();
  if (row !== undefined && (userId === undefined || row.user_id === userId)) return row;
  throw new GatewayError(
    "not_found",
    `There is no key with the id${quoteRef(keyId)}. \`tokligence apikey list\` shows the ids; a key's own text is no id.`,
    { param: "key_id" },
  );
}

function keyOf(row: KeyRow): ApiKey {
  return {
    id: row.id,
    user_id: row.user_id,
    name: row.name,
    role: row.role,
    prefix: row.prefix,
    created_at: new Date(row.created_ms).toISOString(),
    revoked_at: row.revoked_ms === null ? null : new Date(row.revoked_ms).toISOString(),
    expires_at: row.expires_ms === null ? null : new Date(row.expires_ms).toISOString(),
    models: row.models === null ? null : (JSON.parse(row.models) as string[]),
  };
}
