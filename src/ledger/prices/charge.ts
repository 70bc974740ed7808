import type { Usage } from "../../ir/index.ts";
import type { PriceCatalogue } from "./price-catalogue.ts";
import { reckonCost, type Rates } from "./rates.ts";
import type { CloseRecord } from "../types.ts";
import { clampUsage, rowOf, type Charge, type UsageRow } from "../entries/usage-row.ts";

const noCharge: Charge = { costNanoUsd: 0n, snapshot: null };
const unknownCharge: Charge = { costNanoUsd: undefined, snapshot: null };

/** The row of an attempt that is over, with what it costs at the price of its time. */
export function chargedRow(prices: PriceCatalogue, record: CloseRecord): UsageRow {
  const usage = clampUsage(record.usage);
  return rowOf(record, usage, charge(prices, record, usage));
}

/**
 * Who pays when it breaks: nobody for what was refused, nor for an error before any content; else what was reported or estimated, at its price.
 * What uses no tokens, as a count of them, costs nothing whoever the model is: its cost is known, and is 0.
 */
export function costsNothing(record: Pick<CloseRecord, "status" | "ttftMs" | "usageSource" | "inputTokensEstimate">): boolean {
  const { status, ttftMs, usageSource, inputTokensEstimate } = record;
  return (
    status === "refused" || (status === "error" && ttftMs === undefined) || (usageSource === "none" && inputTokensEstimate === undefined)
  );
}

function charge(prices: PriceCatalogue, record: CloseRecord, usage: Usage): Charge {
  if (costsNothing(record)) return noCharge;
  const rates = findRates(prices, record.provider, record.modelServed, usage, record.timeMs, record.upstreamModel);
  const costNanoUsd = rates && reckonCost(rates, usage);
  return costNanoUsd === undefined ? unknownCharge : { costNanoUsd, snapshot: rates!.snapshot };
}

/** @param askedModel priced instead where `model`, the name that the upstream gave, has no price. */
export function findRates(
  prices: PriceCatalogue,
  provider: string,
  model: string,
  usage: Usage,
  timeMs: number,
  askedModel: string | undefined,
): Rates | undefined {
  const inputTokens = usage.input ?? 0;
  const rates = prices.rates(provider, model, timeMs, inputTokens, usage.tier);
  if (rates !== undefined || askedModel === undefined || askedModel === model) return rates;
  return prices.rates(provider, askedModel, timeMs, inputTokens, usage.tier);
}
