import { feeUnits, type Iteration, type ServiceTier, type UnitName, type Usage } from "../../ir/index.ts";
import { formatUsd, maxNanoUsd, nanoOfNumber } from "../money.ts";
import { addCall, BillWriter, encodeLines, isReported, reckonTokens, type Bill, type CostLine } from "./bill.ts";
import type { PriceCatalogue } from "./price-catalogue.ts";
import type { Rates } from "./rates.ts";
import type { CloseRecord, CostNanoUsd } from "../types.ts";
import { clampUsage } from "../entries/clamp-usage.ts";
import { addIterations } from "../entries/usage-details.ts";
import { rowOf, usageOfRow, type Charge, type UsageRow } from "../entries/usage-row.ts";

/** What the snapshot of a cost begins with that the vendor itself has reported. */
export const upstreamSource = '{"source":"upstream"';
const noCharge: Charge = { costNanoUsd: 0n, snapshot: null };
const unknownCharge: Charge = { costNanoUsd: undefined, snapshot: null };
/**
 * The most that a class of service costs where its price is not known, as a multiple of the standard price (OpenAI's price list, November 2026); every
 * other class costs less than the standard one.
 */
const mostFactors: Readonly<Partial<Record<ServiceTier, bigint>>> = {
  batch: 1n,
  flex: 1n,
  off_peak: 1n,
  provisioned: 1n,
  priority: 2n,
  ultrafast: 6n,
};
/** Of a class that this program does not know: as the dearest. */
const mostFactor = 6n;
/** A region costs up to a tenth more than the standard price (Anthropic's and OpenAI's price lists, November 2026). */
const mostRegionFactor = 2n;
/** A token of sound or a picture costs up to 20 times as much as one of text (Gemini's pictures, OpenAI's sound; November 2026). */
const mostUnitFactor = 20n;
/** No vendor's search, page or session costs more, nor a picture or second that is made (November 2026). */
const mostFees = { call: 50_000_000n, made: 500_000_000n } as const;
/** The same for a speed (Anthropic's first fast mode, 2026). */
const mostSpeedFactor = 6n;

/** What a usage costs. */
export interface ChargedUsage extends Charge {
  /** For a usage with more than plain tokens. */
  readonly lines?: readonly CostLine[];
}

/** A call of a provider's model, as prices see it. */
export interface PricedCall {
  readonly provider: string;
  /** The model that the upstream reported. */
  readonly model: string;
  /** The model to price instead if `model`, the upstream's name, has no price. */
  readonly askedModel?: string | undefined;
  readonly timeMs: number;
}

/** The row of a finished attempt, with its cost at the price of its time. */
export function chargedRow(prices: PriceCatalogue, record: CloseRecord): UsageRow {
  const usage = clampUsage(record.usage);
  const charged = charge(prices, record, usage);
  const { lines } = charged;
  return rowOf(record, usage, lines === undefined ? charged : { ...charged, linesText: encodeLines(lines) });
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

function charge(prices: PriceCatalogue, record: CloseRecord, usage: Usage): ChargedUsage {
  if (costsNothing(record)) return noCharge;
  if (record.billedNanoUsd !== undefined) return billedCharge(record.billedNanoUsd);
  const { provider, modelServed, upstreamModel, timeMs } = record;
  return chargeUsage(prices, { provider, model: modelServed, askedModel: upstreamModel, timeMs }, usage);
}

/** What a usage costs, by which rates, and, if it has more than plain tokens, line by line. `usage` has been through `clampUsage`. */
export function chargeUsage(prices: PriceCatalogue, call: PricedCall, usage: Usage): ChargedUsage {
  if (usage.vendorCostUsd !== undefined && prices.reportsDollars(call.provider)) return vendorCharge(usage.vendorCostUsd);
  const rates = findRates(prices, call, usage);
  if (rates === undefined) return unknownServed(usage);
  if (usage.units === undefined && usage.iterations === undefined) {
    const costNanoUsd = reckonTokens(rates, usage);
    return costNanoUsd === undefined ? unknownServed(usage) : { costNanoUsd, snapshot: rates.snapshot };
  }
  const bill = reckonAll(prices, { call, rates, usage });
  return bill === undefined
    ? { costNanoUsd: undefined, snapshot: rates.fullSnapshot }
    : { costNanoUsd: bill.costNanoUsd, snapshot: rates.fullSnapshot, lines: bill.lines };
}

/** The cost alone: the same as `chargeUsage` has. */
export function costOfUsage(prices: PriceCatalogue, call: PricedCall, usage: Usage): CostNanoUsd {
  return chargeUsage(prices, call, clampUsage(usage)).costNanoUsd;
}

function vendorCharge(usd: number): ChargedUsage {
  return billedCharge(nanoOfNumber(usd));
}

function billedCharge(costNanoUsd: bigint): ChargedUsage {
  if (costNanoUsd > maxNanoUsd) return unknownCharge;
  const line: CostLine = { what: "upstream", count: 1, rate: costNanoUsd * 1_000_000n, costNanoUsd };
  return { costNanoUsd, snapshot: JSON.stringify({ source: "upstream", cost: formatUsd(costNanoUsd) }), lines: [line] };
}

/** An unknown cost, with the class of service if it has one. */
function unknownServed({ tier }: Usage): Charge {
  return tier === undefined ? unknownCharge : { costNanoUsd: undefined, snapshot: `{"tier":"${tier}"}` };
}

interface Reckoned {
  readonly call: PricedCall;
  readonly rates: Rates;
  readonly usage: Usage;
}

/** The bill of the call and of those behind it, each at its own model's rates for its own length. */
function reckonAll(prices: PriceCatalogue, { call, rates, usage }: Reckoned): Bill | undefined {
  const { iterations = [] } = usage;
  if (!rates.free && !isReported(usage) && !iterations.some(isReported)) return undefined;
  const bill = new BillWriter();
  addCall(bill, rates, usage);
  for (const iteration of iterations) {
    const own = ratesOfIteration(prices, call, { usage, iteration });
    if (own === undefined) return undefined;
    const { kind, model } = iteration;
    addCall(bill, own, iteration, model === undefined ? { of: kind } : { of: kind, model });
  }
  return bill.bill;
}

function ratesOfIteration(
  prices: PriceCatalogue,
  call: PricedCall,
  { usage, iteration }: { readonly usage: Usage; readonly iteration: Iteration },
): Rates | undefined {
  const { input = 0, model } = iteration;
  const { tier, speed, region } = usage;
  const served = {
    input,
    ...(tier === undefined ? {} : { tier }),
    ...(speed === undefined ? {} : { speed }),
    ...(region === undefined ? {} : { region }),
  };
  if (model === undefined) return findRates(prices, call, served);
  // Another model has a speed of its own, which is not reported.
  return model === ""
    ? undefined
    : findRates(prices, { ...call, model, askedModel: undefined }, { input, ...(tier === undefined ? {} : { tier }) });
}

/**
 * The highest possible cost of a usage: that of its class of service, speed, region and units, or else an upper bound from the standard price. For budgets, because
 * an unknown price must not count as 0.
 * @returns `undefined` if no price of the model is known.
 */
export function highestCost(costOf: (usage: Usage) => bigint | undefined, usage: Usage): bigint | undefined {
  const cost = costOf(usage);
  if (cost !== undefined) return cost;
  const { tier, speed, region, ...standard } = usage;
  const factor =
    (tier === undefined ? 1n : (mostFactors[tier] ?? mostFactor)) *
    (speed === undefined ? 1n : mostSpeedFactor) *
    (region === undefined ? 1n : mostRegionFactor);
  const standardCost = costOf(standard) ?? highestOfUnits(costOf, standard);
  return standardCost === undefined ? undefined : standardCost * factor;
}

/** A bound for units without a rate, and for calls of models that are not known, from what plain tokens cost. */
function highestOfUnits(costOf: (usage: Usage) => bigint | undefined, { units = {}, iterations = [], ...own }: Usage): bigint | undefined {
  const counts = addIterations(own, iterations);
  const plain = costOf(counts);
  if (plain === undefined) return undefined;
  const all = [units, ...iterations.flatMap((iteration) => iteration.units ?? [])];
  const sum = (names: readonly UnitName[]): number =>
    all.reduce((total, each) => total + names.reduce((part, name) => part + (each[name] ?? 0), 0), 0);
  const media = costOf({ input: sum(inputMedia), output: sum(outputMedia) }) ?? 0n;
  return plain + media * (mostUnitFactor - 1n) + BigInt(sum(callUnits)) * mostFees.call + BigInt(sum(madeUnits)) * mostFees.made;
}

const madeUnits: readonly UnitName[] = ["image", "input_seconds", "output_seconds"];
const callUnits: readonly UnitName[] = feeUnits.filter((unit) => !madeUnits.includes(unit));
const inputMedia: readonly UnitName[] = ["input_audio", "input_image", "input_video"];
const outputMedia: readonly UnitName[] = ["output_audio", "output_image", "output_video"];

/** The same for an entry without a cost. */
export function highestCostOfRow(prices: PriceCatalogue, row: UsageRow): bigint | undefined {
  const call = { provider: row.provider, model: row.model_served, askedModel: row.upstream_model ?? row.model_asked, timeMs: row.time_ms };
  return highestCost((own) => costOfUsage(prices, call, own), usageOfRow(row));
}

/** The rates of a call, by the model that answered, or else by the model that was asked for. */
export function findRates(prices: PriceCatalogue, { provider, model, askedModel, timeMs }: PricedCall, usage: Usage): Rates | undefined {
  const inputTokens = usage.input ?? 0;
  const rates = prices.rates(provider, model, timeMs, inputTokens, usage);
  if (rates !== undefined || askedModel === undefined || askedModel === model) return rates;
  return prices.rates(provider, askedModel, timeMs, inputTokens, usage);
}
