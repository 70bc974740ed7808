import type { ConditionalPrice, ModelInfo, ModelPrice } from "@pydantic/genai-prices";
import type { ServiceTier } from "../../ir/index.ts";
import { rateOfNumber } from "../money.ts";
import { compileRates, type RateCard, type Rates } from "./rates.ts";

/** A model's price: the rates depend on the time and on the length of the prompt. */
export interface ModelRates {
  /** The last period that applies at a time is used; the first one always applies. Never empty. */
  readonly periods: readonly Period[];
  /** Prices of other classes of service than the standard one. */
  readonly tiers?: ReadonlyMap<ServiceTier, ModelRates>;
}

interface Period {
  readonly holdsAt: (timeMs: number) => boolean;
  /** In ascending order of `above`, which is 0 for the first. Never empty. */
  readonly bands: readonly Band[];
}

/** Rates for prompts of more than `above` tokens. They apply to all the tokens, not only to those above. */
interface Band {
  readonly above: number;
  readonly rates: Rates;
}

/** The rates at a time for a prompt of `inputTokens` tokens; `undefined`: this class of service has no known price. */
export function ratesAt(model: ModelRates, timeMs: number, inputTokens: number, tier?: ServiceTier): Rates | undefined {
  // A free model is free in every class.
  if (tier !== undefined && !model.periods.every(({ bands }) => bands.every(({ rates }) => rates.free))) {
    const ofTier = model.tiers?.get(tier);
    return ofTier && ratesAt(ofTier, timeMs, inputTokens);
  }
  const { periods } = model;
  let period = periods[0]!;
  for (let i = periods.length - 1; i > 0; i--) {
    if (periods[i]!.holdsAt(timeMs)) {
      period = periods[i]!;
      break;
    }
  }
  const { bands } = period;
  for (let i = bands.length - 1; i > 0; i--) if (inputTokens > bands[i]!.above) return bands[i]!.rates;
  return bands[0]!.rates;
}

/** Rates that apply at any time, to every prompt. */
export function flatRates(rates: Rates): ModelRates {
  return { periods: [{ holdsAt: () => true, bands: [{ above: 0, rates }] }] };
}

/**
 * Converts a model of the catalogue to integers.
 * @returns `undefined` if it has no price for tokens: models that are paid by the hour or the page, and empty entries, whose price is unknown unless
 * the name ends in `:free`.
 */
export function compileModel(vendor: string, model: ModelInfo): ModelRates | undefined {
  const prices: readonly ConditionalPrice[] = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
  const free = model.id.endsWith(":free");
  if (!free && !prices.some((price) => "input_mtok" in price.prices || "output_mtok" in price.prices)) return undefined;
  return {
    periods: prices.map((price) => ({ holdsAt: holdsAtOf(price.constraint), bands: compileBands(vendor, model.id, price.prices, free) })),
  };
}

function holdsAtOf(constraint: ConditionalPrice["constraint"]): (timeMs: number) => boolean {
  if (constraint === undefined) return () => true;
  if (constraint.type === "start_date") {
    const start = Date.parse(constraint.start_date);
    return (timeMs) => timeMs >= start;
  }
  const start = dayOffset(constraint.start_time);
  const end = dayOffset(constraint.end_time);
  return (timeMs) => {
    const offset = timeMs % dayMs;
    return start <= end ? offset >= start && offset < end : offset >= start || offset < end;
  };
}

const dayMs = 86_400_000;

/** Milliseconds since the beginning of the UTC day, of a time such as `16:30:00Z`. */
function dayOffset(time: string): number {
  return (Date.parse(`1970-01-02T${time}`) + dayMs) % dayMs;
}

function compileBands(vendor: string, model: string, price: ModelPrice, free: boolean): readonly Band[] {
  const starts = new Set([0]);
  for (const entry of Object.values(price)) if (typeof entry === "object") for (const tier of entry.tiers) starts.add(tier.start);
  return [...starts]
    .sort((a, b) => a - b)
    .map((above) => ({
      above,
      rates: compileRates(cardAt(price, above, free), {
        source: "catalogue",
        vendor,
        model,
        ...(above === 0 ? {} : { above_input_tokens: above }),
      }),
    }));
}

function cardAt(price: ModelPrice, above: number, free: boolean): RateCard {
  const rate = (key: string): bigint | undefined => {
    const entry = price[key];
    if (entry === undefined) return undefined;
    if (typeof entry === "number") return rateOfNumber(entry);
    let value = entry.base;
    let reached = -1;
    for (const tier of entry.tiers) {
      if (tier.start <= above && tier.start > reached) {
        value = tier.price;
        reached = tier.start;
      }
    }
    return rateOfNumber(value);
  };
  const perThousandRequests = rate("requests_kcount");
  return {
    input: rate("input_mtok") ?? (free ? 0n : undefined),
    output: rate("output_mtok") ?? (free ? 0n : undefined),
    cacheRead: rate("cache_read_mtok"),
    cacheWrite5m: rate("cache_write_5m_mtok") ?? rate("cache_write_mtok"),
    cacheWrite1h: rate("cache_write_1h_mtok"),
    reasoning: rate("output_reasoning_mtok"),
    // Dollars per thousand, parsed as if per million.
    request: perThousandRequests === undefined ? undefined : perThousandRequests * 1000n,
  };
}
