import type { MarketDocument } from "../documents/document.ts";

/** An order that was sent, or is about to be. */
export interface SentOrder {
  readonly document: MarketDocument<"order/1">;
  readonly max: bigint;
}
