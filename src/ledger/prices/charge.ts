import { readServiceTier, type ServiceTier, type Usage } from "../../ir/index.ts";
import type { PriceCatalogue } from "./price-catalogue.ts";
import { reckonCost, type Rates } from "./rates.ts";
import type { CloseRecord } from "../types.ts";
import { clampUsage, rowOf, type Charge, type UsageRow } from "../entries/usage-row.ts";

const noCharge: Charge = { costNanoUsd: 0n, snapshot: null };
const unknownCharge: Charge = { costNanoUsd: undefined, snapshot: null };
/** The charge of an entry whose class of service has no known price. */
const unknownTiers: Readonly<Record<ServiceTier, Charge>> = {
  batch: { costNanoUsd: undefined, snapshot: '{"tier":"batch"}' },
  flex: { costNanoUsd: undefined, snapshot: '{"tier":"flex"}' },
  priority: { costNanoUsd: undefined, snapshot: '{"tier":"priority"}' },
};
/** Vendors charge twice the standard price for priority (OpenAI's price list, November 2026); every other class costs less than the standard one. */
const priorityFactor = 2n;

/** The row of a finished attempt, with its cost at the price of its time. */
export function chargedRow(prices: PriceCatalogue, record: CloseRecord): UsageRow {
  const usage = clampUsage(record.usage);
  return rowOf(record, usage, charge(prices, record, usage));
}

/**
 * Whether an attempt costs nothing: it was refused, or it failed before any content. Any other attempt costs its reported or estimated usage at its
 * price. An operation without tokens, such as counting them, costs nothing for any model: its cost is known, and is 0.
 */
export function costsNothing(record: Pick<CloseRecord, "status" | "ttftMs" | "usageSource" | "inputTokensEstimate">): boolean {
  const { status, ttftMs, usageSource, inputTokensEstimate } = record;
  return (
    status === "refused" || (status === "error" && ttftMs === undefined) || (usageSource === "none" && inputTokensEstimate === undefined)
  );
}

function charge(prices: PriceCatalogue, record: CloseRecord, usage: Usage): Charge {
  if (costsNothing(record)) return noCharge;
  const { provider, modelServed, upstreamModel, timeMs } = record;
  const rates = findRates(prices, { provider, model: modelServed, askedModel: upstreamModel, timeMs }, usage);
  const costNanoUsd = rates && reckonCost(rates, usage);
  if (costNanoUsd !== undefined) return { costNanoUsd, snapshot: rates!.snapshot };
  return usage.tier === undefined ? unknownCharge : unknownTiers[usage.tier];
}

/**
 * The highest possible cost of a usage whose class of service is not the standard one: the class's price, or else an upper bound from the standard
 * price. For budgets, because an unknown price must not count as 0.
 * @returns `undefined` if no price of the model is known.
 */
export function highestCost(costOf: (usage: Usage) => bigint | undefined, usage: Usage): bigint | undefined {
  const cost = costOf(usage);
  if (cost !== undefined || usage.tier === undefined) return cost;
  const { tier, ...standard } = usage;
  const standardCost = costOf(standard);
  return standardCost !== undefined && tier === "priority" ? standardCost * priorityFactor : standardCost;
}

/** The same for an entry without a cost. */
export function highestCostOfRow(prices: PriceCatalogue, row: UsageRow): bigint | undefined {
  const tier = readServiceTier(/^\{"tier":"(\w+)"\}$/.exec(row.price_snapshot ?? "")?.[1]);
  const usage: Usage = Object.fromEntries(
    Object.entries({
      input: row.input_tokens,
      output: row.output_tokens,
      cacheRead: row.cache_read_tokens,
      cacheWrite5m: row.cache_write_5m_tokens,
      cacheWrite1h: row.cache_write_1h_tokens,
      reasoning: row.reasoning_tokens,
      tier,
    }).filter(([, value]) => value !== null && value !== undefined),
  );
  const priced: Priced = { provider: row.provider, model: row.model_served, askedModel: row.model_asked, timeMs: row.time_ms };
  return highestCost((own) => {
    const rates = findRates(prices, priced, own);
    return rates && reckonCost(rates, own);
  }, usage);
}

/** What has a price at a time. */
export interface Priced {
  readonly provider: string;
  /** The upstream's name of the model. */
  readonly model: string;
  /** The model to price instead if `model` has no price. */
  readonly askedModel: string | undefined;
  readonly timeMs: number;
}

export function findRates(prices: PriceCatalogue, { provider, model, askedModel, timeMs }: Priced, usage: Usage): Rates | undefined {
  const inputTokens = usage.input ?? 0;
  const rates = prices.rates(provider, model, timeMs, inputTokens, usage.tier);
  if (rates !== undefined || askedModel === undefined || askedModel === model) return rates;
  return prices.rates(provider, askedModel, timeMs, inputTokens, usage.tier);
}
