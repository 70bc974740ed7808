import type { Store } from "../../store/index.ts";
import { documentText, type MarketDocument } from "../documents/document.ts";

/** A request that was bought. */
export interface Trade {
  readonly requestId: string;
  /** Whose books it is in. */
  readonly clearing: string;
  readonly state: "acked" | "refused";
  readonly receipt: MarketDocument<"receipt/1">;
  readonly seller: string;
  readonly model: string;
  readonly atMs: number;
}

/** What this installation has bought, in the database. */
export interface Trades {
  add(trade: Trade): Promise<void>;
  /** Nano-credits that were acknowledged at a clearing: to a peer, or over an exchange. */
  ackedTo(clearing: string): Promise<bigint>;
  list(filter: { readonly limit: number }): Promise<readonly TradeRow[]>;
}

export interface TradeRow {
  readonly requestId: string;
  readonly seller: string;
  readonly model: string;
  readonly cost: bigint;
  readonly state: "acked" | "refused";
  readonly atMs: number;
}

const columns = ["lease", "seq", "request_id", "clearing", "seller", "model", "cost_nano_usd", "state", "at_ms", "receipt"];

export function createTrades(store: Store): Trades {
  return {
    async add({ requestId, clearing, state, receipt, seller, model, atMs }) {
      const { lease, seq, cost } = receipt.body;
      const row = [lease, seq, requestId, clearing, seller, model, BigInt(cost), state, atMs, documentText(receipt)];
      await store.insertRows("market_trades", columns, [row]);
    },
    async ackedTo(clearing) {
      const row = await store.db
        .selectFrom("market_trades")
        .select((eb) => eb.fn.sum<bigint | string | null>("cost_nano_usd").as("cost_nano_usd"))
        .where("clearing", "=", clearing)
        .where("state", "=", "acked")
        .executeTakeFirst();
      return BigInt(row?.cost_nano_usd ?? 0n);
    },
    async list({ limit }) {
      const rows = await store.db
        .selectFrom("market_trades")
        .select(["request_id", "seller", "model", "cost_nano_usd", "state", "at_ms"])
        .orderBy("at_ms", "desc")
        .limit(limit)
        .execute();
      return rows.map((row) => ({
        requestId: row.request_id,
        seller: row.seller,
        model: row.model,
        cost: row.cost_nano_usd,
        state: row.state,
        atMs: row.at_ms,
      }));
    },
  };
}
