import type { Clock } from "../core/index.ts";
import type { Store } from "./types.ts";

/** Whose a stored response is, and where it lies. */
export interface ResponseOwnerRow {
  readonly id: string;
  readonly userId: string;
  readonly provider: string;
  /** Id of the provider's key that made it. */
  readonly providerKey: string;
  readonly model: string;
}

/** Keeps which user, provider and key each stored response belongs to, so that another user's is not found. */
export interface ResponseOwnerStore {
  /** The first record of an id stands: nobody can take over another's. */
  record(owner: ResponseOwnerRow): Promise<void>;
  find(id: string): Promise<ResponseOwnerRow | undefined>;
  forget(id: string): Promise<void>;
}

export function createResponseOwners(store: Store, clock: Clock): ResponseOwnerStore {
  return {
    async record(owner) {
      const row = [owner.id, owner.userId, owner.provider, owner.providerKey, owner.model, clock.now()];
      await store.insertRows("stored_responses", ["id", "user_id", "provider", "provider_key", "model", "created_ms"], [row]);
    },
    async find(id) {
      const row = await store.db.selectFrom("stored_responses").selectAll().where("id", "=", id).executeTakeFirst();
      return row === undefined
        ? undefined
        : { id, userId: row.user_id, provider: row.provider, providerKey: row.provider_key, model: row.model };
    },
    async forget(id) {
      await store.db.deleteFrom("stored_responses").where("id", "=", id).execute();
    },
  };
}
