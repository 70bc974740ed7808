import type { Store } from "../../store/index.ts";

/** The relays through which this node is reached, by node, in the database: a command has named them. */
export interface UsedRelays {
  list(): Promise<readonly string[]>;
  add(node: string): Promise<void>;
  /** @returns whether it was used. */
  remove(node: string): Promise<boolean>;
}

export function createUsedRelays(store: Store, now: () => number): UsedRelays {
  return {
    async list() {
      const rows = await store.db.selectFrom("market_relays").select("node").orderBy("added_ms").execute();
      return rows.map(({ node }) => node);
    },
    async add(node) {
      await store.insertRows("market_relays", ["node", "added_ms"], [[node, now()]]);
    },
    async remove(node) {
      const { numDeletedRows } = await store.db.deleteFrom("market_relays").where("node", "=", node).executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}
