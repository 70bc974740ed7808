import assert from "node:assert/strict";
import { usageColumns, usageRow } from "../../store/store-testing.ts";
import { withMarketStores } from "../store-testing.ts";
import { LateBills } from "./late-bills.ts";

withMarketStores(
  "a cancelled purchase costs what its receipt bills, by one correction, however late its entry is written",
  async (store) => {
    const clock = { now: () => 1_800_000_000_000 };
    const timeMs = clock.now() - 1000;
    const trade = async (requestId: string, seq: number, cost: bigint): Promise<void> => {
      const columns = ["lease", "seq", "request_id", "clearing", "seller", "model", "cost_nano_usd", "state", "at_ms", "receipt"];
      await store.insertRows("market_trades", columns, [["l1", seq, requestId, "c", "s", "m", cost, "acked", timeMs, "{}"]]);
    };
    const entry = async (requestId: string, provider: string, cost: bigint, attempt = 1): Promise<void> => {
      const row = usageRow(requestId, attempt, timeMs, cost);
      row[usageColumns.indexOf("provider")] = provider;
      row[usageColumns.indexOf("status")] = "cancelled";
      await store.insertRows("usage_entries", usageColumns, [row]);
    };
    const costs = async (requestId: string): Promise<readonly (readonly [string, bigint | null])[]> => {
      const rows = await store.db.selectFrom("usage_entries").selectAll().where("request_id", "=", requestId).orderBy("attempt").execute();
      return rows.map(({ direction, cost_nano_usd: cost }) => [direction, cost]);
    };
    const bills = new LateBills(store, clock);
    await trade("req_1", 1, 70n);
    bills.note("req_1");
    await bills.run();
    assert.deepEqual(await costs("req_1"), []);
    // The first attempt went to another provider, and is not the seller's.
    await entry("req_1", "openai", 1000n);
    await entry("req_1", "@bob", 100n, 2);
    await bills.run();
    bills.note("req_1");
    await bills.run();
    assert.deepEqual(await costs("req_1"), [
      ["consume", 1000n],
      ["consume", 100n],
      ["correct", -30n],
    ]);
    // What a process that ended has left is found by the next one.
    await trade("req_2", 2, 5n);
    await entry("req_2", "@bob", 5n);
    await trade("req_3", 3, 9n);
    await entry("req_3", "@bob", 4n);
    await new LateBills(store, clock).run();
    assert.deepEqual(
      [await costs("req_2"), await costs("req_3")],
      [
        [["consume", 5n]],
        [
          ["consume", 4n],
          ["correct", 5n],
        ],
      ],
    );
  },
);
