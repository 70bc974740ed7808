import { roundToNano } from "../../ledger/index.ts";
import type { Price, ReceiptUsage } from "./kinds.ts";

/** Nano-credits of a usage at a price, rounded half up once. `input` is the whole prompt, `output` the whole answer with its reasoning. */
export function costOfReceipt(price: Price, usage: ReceiptUsage): bigint {
  const fresh = BigInt(usage.input - usage.cache_read);
  return roundToNano(
    fresh * BigInt(price.input) + BigInt(usage.cache_read) * BigInt(price.cache_read) + BigInt(usage.output) * BigInt(price.output),
  );
}

/**
 * The most that a request may cost: its input by the length of its body, its output by `max_output`. What is more is at the seller's cost.
 * @param bodyBytes of the request in its dialect.
 */
export function maxCost(price: Price, bodyBytes: number, maxOutput: number): bigint {
  const input = Math.ceil(bodyBytes / 3) + 16;
  return costOfReceipt(price, { input, cache_read: 0, output: maxOutput, reasoning: 0 });
}
