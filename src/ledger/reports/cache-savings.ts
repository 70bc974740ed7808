import { femtoPerNano, formatUsd, parseRate } from "../money.ts";
import type { UsageRow } from "../entries/usage-row.ts";
import { contextCacheLane } from "../types.ts";

/**
 * What the cached parts of a prompt would have cost in addition as fresh ones, less what it cost more to write them: a decimal of US dollars, negative if writing
 * cost more than reading saved. Reckoned from the entry's own rates when it is shown, so that no request pays for it.
 * @param price the parsed snapshot. @returns `null` if nothing was cached, or the rates are not known.
 */
export function cacheSavings(row: UsageRow, price: unknown): string | null {
  // What the gateway has paid for a cache saves nothing by itself.
  if (row.lane === contextCacheLane) return row.cost_nano_usd === null ? null : formatUsd(-row.cost_nano_usd);
  const counts = [row.cache_read_tokens, row.cache_write_5m_tokens, row.cache_write_1h_tokens];
  if (counts.every((count) => (count ?? 0) === 0) || typeof price !== "object" || price === null) return null;
  const rates = price as Readonly<Record<string, unknown>>;
  const rateOf = (name: string): bigint | undefined => (typeof rates[name] === "string" ? parseRate(rates[name]) : undefined);
  const input = rateOf("input");
  if (input === undefined) return null;
  const read = rateOf("cache_read") ?? input;
  const short = rateOf("cache_write_5m") ?? input;
  const long = rateOf("cache_write_1h") ?? short;
  const femto = [read, short, long].reduce((sum, rate, i) => sum + BigInt(counts[i] ?? 0) * (input - rate), 0n);
  return formatUsd(femto / femtoPerNano);
}
