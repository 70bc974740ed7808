import type { Store } from "../../store/index.ts";
import { readDocument } from "../documents/document.ts";

/** A request that was sold. */
export interface Sale {
  readonly requestId: string;
  readonly buyer: string;
  readonly model: string;
  readonly cost: bigint;
  /** As its receipt says: done, cancelled, interrupted or failed. */
  readonly status: string;
  readonly atMs: number;
}

/** The last requests that were sold. */
export async function readSales(store: Store, limit: number): Promise<readonly Sale[]> {
  const rows = await store.db
    .selectFrom("market_sales")
    .leftJoin("market_leases", "market_leases.id", "market_sales.lease")
    .leftJoin("market_served", "market_served.id", "market_sales.lease")
    .select(["request_id", "cost_nano_usd", "at_ms", "receipt"])
    .select((eb) => [
      eb.fn.coalesce("market_leases.buyer", "market_served.buyer").as("buyer"),
      eb.fn.coalesce("market_leases.model", "market_served.model").as("model"),
    ])
    .orderBy("at_ms", "desc")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    requestId: row.request_id,
    buyer: row.buyer ?? "",
    model: row.model ?? "",
    cost: row.cost_nano_usd,
    status: readDocument("receipt/1", row.receipt).body.status,
    atMs: row.at_ms,
  }));
}
