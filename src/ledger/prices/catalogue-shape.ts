import type { ConditionalPrice, ModelInfo, ModelPrice } from "@pydantic/genai-prices";
import { rateOfNumber } from "../money.ts";
import type { PriceSheet, SheetBand, SheetPeriod } from "./price-sheet.ts";
import type { When } from "./price-when.ts";
import type { RateCard, RatedUnit } from "./rates.ts";

/** Names of the catalogue for rates by million tokens. */
const unitFields: Readonly<Partial<Record<RatedUnit, string>>> = {
  input_audio: "input_audio_mtok",
  input_image: "input_image_mtok",
  input_video: "input_video_mtok",
  cache_read_audio: "cache_audio_read_mtok",
  cache_read_image: "cache_image_read_mtok",
  output_audio: "output_audio_mtok",
  output_image: "output_image_mtok",
  output_video: "output_video_mtok",
};
/** Names for fees by thousand calls. */
const feeFields: Readonly<Partial<Record<RatedUnit, string>>> = {
  web_search: "web_searches_kcount",
  file_search: "storage_searches_kcount",
};

/**
 * The sheet of a model of the catalogue, or in its shape.
 * @returns `undefined` if it has no price for tokens: models that are paid by the hour or the page, and empty entries, whose price is unknown unless
 * the name ends in `:free`.
 */
export function sheetOfCatalogue(model: ModelInfo, origin: PriceSheet["origin"]): PriceSheet | undefined {
  const prices: readonly ConditionalPrice[] = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
  const free = model.id.endsWith(":free");
  if (!free && !prices.some((price) => "input_mtok" in price.prices || "output_mtok" in price.prices)) return undefined;
  return {
    origin,
    periods: prices.map(({ constraint, prices: price }): SheetPeriod => {
      const bands = bandsOf(price, free);
      return constraint === undefined ? { bands } : { when: whenOf(constraint), bands };
    }),
    ...(model.context_window === undefined ? {} : { facts: { contextWindow: model.context_window } }),
  };
}

function whenOf(constraint: NonNullable<ConditionalPrice["constraint"]>): When {
  if (constraint.type === "start_date") return { from: new Date(Date.parse(constraint.start_date)).toISOString().slice(0, 10) };
  return { hours: [[timeOf(constraint.start_time), timeOf(constraint.end_time)]] };
}

/** A time such as `16:30:00Z` or `08:30:00+08:00` in UTC. */
function timeOf(time: string): string {
  return new Date(Date.parse(`1970-01-02T${time}`)).toISOString().slice(11, 19);
}

function bandsOf(price: ModelPrice, free: boolean): readonly SheetBand[] {
  const starts = new Set([0]);
  for (const entry of Object.values(price)) if (typeof entry === "object") for (const tier of entry.tiers) starts.add(tier.start);
  return [...starts].sort((a, b) => a - b).map((above) => ({ above, card: cardAt(price, above, free) }));
}

function cardAt(price: ModelPrice, above: number, free: boolean): RateCard {
  const rate = (key: string): bigint | undefined => rateAt(price[key], above);
  const units: Partial<Record<RatedUnit, bigint>> = {};
  for (const [unit, field] of Object.entries(unitFields) as [RatedUnit, string][]) {
    const value = rate(field);
    if (value !== undefined) units[unit] = value;
  }
  for (const [unit, field] of Object.entries(feeFields) as [RatedUnit, string][]) {
    const value = rate(field);
    // Dollars per thousand, parsed as if per million.
    if (value !== undefined) units[unit] = value * 1000n;
  }
  const hours = rate("input_audio_hours");
  // Femto-USD of a second, rounded half up: an hour is exact to the nano-dollar.
  if (hours !== undefined) units.input_seconds = (hours * 1_000_000n + 1800n) / 3600n;
  const perThousandRequests = rate("requests_kcount");
  return {
    input: rate("input_mtok") ?? (free ? 0n : undefined),
    output: rate("output_mtok") ?? (free ? 0n : undefined),
    cacheRead: rate("cache_read_mtok"),
    cacheWrite5m: rate("cache_write_5m_mtok") ?? rate("cache_write_mtok"),
    cacheWrite1h: rate("cache_write_1h_mtok"),
    reasoning: rate("output_reasoning_mtok"),
    request: perThousandRequests === undefined ? undefined : perThousandRequests * 1000n,
    ...(Object.keys(units).length === 0 ? {} : { units }),
  };
}

function rateAt(entry: ModelPrice[string], above: number): bigint | undefined {
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
}
