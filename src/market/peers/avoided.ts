import type { Clock } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";

/** Nodes with which nothing is traded for a day, as one of their receipts was refused. It outlives a restart. */
export interface Avoided {
  load(): Promise<void>;
  has(node: string): boolean;
  add(node: string, reason: string): Promise<void>;
  forget(node: string): Promise<void>;
}

const avoidedMs = 24 * 3_600_000;

export function createAvoided(store: Pick<Store, "db">, clock: Pick<Clock, "now">): Avoided {
  const until = new Map<string, number>();
  return {
    async load() {
      const rows = await store.db.selectFrom("market_avoided").select(["node", "until_ms"]).where("until_ms", ">", clock.now()).execute();
      for (const row of rows) until.set(row.node, row.until_ms);
    },
    has: (node) => (until.get(node) ?? 0) > clock.now(),
    async add(node, reason) {
      const values = { until_ms: clock.now() + avoidedMs, reason: reason.slice(0, 200) };
      until.set(node, values.until_ms);
      await store.db
        .insertInto("market_avoided")
        .values({ node, ...values })
        .onConflict((oc) => oc.column("node").doUpdateSet(values))
        .execute();
    },
    async forget(node) {
      until.delete(node);
      await store.db.deleteFrom("market_avoided").where("node", "=", node).execute();
    },
  };
}
