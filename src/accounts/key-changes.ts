import type { Selectable } from "kysely";
import { GatewayError, writeTags } from "../core/index.ts";
import type { ApiKeysTable } from "../store/index.ts";
import { findKey, keyOf, storedScope, type ApiKeysDeps, type ListedKeyRow } from "./api-keys.ts";
import { hashKey, makeKeyText, shownPrefix } from "./key-text.ts";
import type { Accounts } from "./types.ts";
import { checkKeyName, checkMarketScope, checkModels, checkTags, readExpiry, readOverlap } from "./validate.ts";

type KeyChanges = Partial<Selectable<ApiKeysTable>>;

/** Changes of keys that are there. */
export function createKeyChanges({
  store,
  clock,
  random,
  onChanged,
}: Omit<ApiKeysDeps, "ids">): Pick<Accounts, "updateKey" | "disableKey" | "enableKey" | "rotateKey"> {
  /** Changes a key that is not revoked. */
  const change = async (keyRef: string, changesOf: (row: ListedKeyRow) => KeyChanges): Promise<ListedKeyRow> => {
    const row = await store.db.transaction().execute(async (transaction): Promise<ListedKeyRow> => {
      const found = await findKey(transaction, keyRef, undefined);
      if (found.revoked_ms !== null) {
        throw new GatewayError("conflict", "The key is revoked, which cannot be undone. Make a new one: tokligence apikey create USER", {
          param: "key_id",
        });
      }
      const changes = changesOf(found);
      if (Object.keys(changes).length === 0) return found;
      await transaction.updateTable("api_keys").set(changes).where("id", "=", found.id).execute();
      await store.bumpRevision(transaction);
      return { ...found, ...changes };
    });
    onChanged(row.id);
    return row;
  };
  return {
    // A key that was disabled before keeps its time.
    disableKey: async (keyRef) => keyOf(await change(keyRef, (row) => (row.disabled_ms === null ? { disabled_ms: clock.now() } : {}))),
    enableKey: async (keyRef) => keyOf(await change(keyRef, () => ({ disabled_ms: null }))),
    async rotateKey(keyRef, { overlap } = {}) {
      const key = makeKeyText(random);
      const untilMs = readOverlap(overlap, clock.now());
      const changes = { hash: hashKey(key), prefix: shownPrefix(key) };
      const row = await change(keyRef, ({ hash }) => ({
        ...changes,
        previous_hash: untilMs === null ? null : hash,
        previous_until_ms: untilMs,
      }));
      return { ...keyOf(row), key };
    },
    updateKey: async (keyRef, { market, name, models, expires, tags }) =>
      keyOf(
        await change(keyRef, () => ({
          ...(market === undefined ? {} : { market: storedScope(checkMarketScope(market)) }),
          ...(name === undefined ? {} : { name: checkKeyName(name) }),
          ...(models === undefined ? {} : { models: storedModels(models) }),
          ...(expires === undefined ? {} : { expires_ms: readExpiry(expires, clock.now()) }),
          ...(tags === undefined ? {} : { tags: writeTags(checkTags(tags)) ?? null }),
        })),
      ),
  };
}

function storedModels(models: readonly string[] | null): string | null {
  const checked = checkModels(models);
  return checked === null ? null : JSON.stringify(checked);
}
