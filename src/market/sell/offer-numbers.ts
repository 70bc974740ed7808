import type { Store } from "../../store/index.ts";

/** The number of the last offer that was signed, also by an earlier start: buyers ignore an offer whose number is not greater. */
export interface OfferNumbers {
  last(): Promise<number>;
  store(number: number): Promise<void>;
}

const name = "offers";

/** In the table of what was last at work, as it is one number. */
export function createOfferNumbers(store: Pick<Store, "db">): OfferNumbers {
  return {
    async last() {
      const row = await store.db.selectFrom("market_uptime").select("seen_ms").where("name", "=", name).executeTakeFirst();
      return row?.seen_ms ?? 0;
    },
    async store(number) {
      await store.db
        .insertInto("market_uptime")
        .values({ name, seen_ms: number })
        .onConflict((oc) => oc.column("name").doUpdateSet({ seen_ms: number }))
        .execute();
    },
  };
}

/** The largest number of an offer. */
const mostNumbers = 1_000_000_000;

/** Greater than the one before, and than all of a database that was lost: it follows the clock, in seconds. */
export function nextNumber(before: number, nowMs: number): number {
  const byClock = Math.floor(nowMs / 1000) % mostNumbers;
  // After the largest number buyers wait for the end of the offer before, two minutes.
  return before >= mostNumbers ? byClock : Math.max(before + 1, byClock);
}
