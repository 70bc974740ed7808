import { formatDollars, formatRate } from "../money.ts";
import { plainNames } from "./price-list.ts";
import type { ModelFacts, PriceSheet, SheetPeriod } from "./price-sheet.ts";
import { appliesAt } from "./price-when.ts";
import { formatUnitRate, type RateCard } from "./rates.ts";

/** Rates by name: decimals of US dollars by million tokens, or of one call. */
export type ShownRates = Readonly<Record<string, string>>;

/** Rates that hold under conditions. */
export interface ShownPeriod {
  readonly when: PriceWhen;
  /** Whether it is the one that holds at the time that was asked for. */
  readonly holds: boolean;
  readonly bands: readonly { readonly above_input_tokens: number; readonly rates: ShownRates }[];
}

type PriceWhen = NonNullable<SheetPeriod["when"]>;

/** All that is known of a model's price. */
export interface ShownPrice {
  readonly source: string;
  readonly vendor: string | null;
  /** The name that the source has for the model. */
  readonly listed_as: string | null;
  readonly date: string | null;
  readonly periods: readonly ShownPeriod[];
  readonly classes: Readonly<Record<string, readonly ShownPeriod[]>>;
  readonly speeds: Readonly<Record<string, string>>;
  readonly regions: Readonly<Record<string, string>>;
  readonly context_window: number | null;
}

export function describePrice(sheet: PriceSheet, timeMs: number): ShownPrice {
  const { origin, periods, classes = {}, speeds = {}, regions = {}, facts } = sheet;
  return {
    source: origin.source,
    vendor: origin.vendor ?? null,
    listed_as: origin.model ?? null,
    date: origin.date ?? null,
    periods: describePeriods(periods, timeMs),
    classes: Object.fromEntries(Object.entries(classes).map(([tier, list]) => [tier, describePeriods(list, timeMs)])),
    speeds,
    regions,
    context_window: facts?.contextWindow ?? null,
  };
}

function describePeriods(periods: readonly SheetPeriod[], timeMs: number): readonly ShownPeriod[] {
  const current = currentPeriod(periods, timeMs);
  return periods.map((period) => ({
    when: period.when ?? {},
    holds: period === current,
    bands: period.bands.map(({ above, card }) => ({ above_input_tokens: above, rates: ratesOfCard(card) })),
  }));
}

function currentPeriod(periods: readonly SheetPeriod[], timeMs: number): SheetPeriod | undefined {
  return periods.findLast(({ when }) => when === undefined || appliesAt(when)(timeMs)) ?? periods[0];
}

function ratesOfCard(card: RateCard): ShownRates {
  const plain = Object.entries(plainNames).flatMap(([name, key]) => {
    const rate = card[key];
    const isDollars = key === "request" || key === "minimum";
    return rate === undefined ? [] : [[name, isDollars ? formatDollars(rate) : formatRate(rate)] as const];
  });
  const units = Object.entries(card.units ?? {}).map(([name, rate]) => [name, formatUnitRate(name, rate)] as const);
  return Object.fromEntries([...plain, ...units]);
}

/** What a list of models says of one, in OpenRouter's terms: dollars of one token or one call, as decimals. */
export interface ListedFacts extends ModelFacts {
  readonly pricing?: Readonly<Record<string, string>>;
}

/** OpenRouter's names of prices (openrouter.ai/docs, "Models", November 2026). */
const routerNames = {
  prompt: (card: RateCard) => card.input,
  completion: (card: RateCard) => card.output,
  request: (card: RateCard) => card.request,
  image: (card: RateCard) => card.units?.input_image,
  audio: (card: RateCard) => card.units?.input_audio,
  web_search: (card: RateCard) => card.units?.web_search,
  internal_reasoning: (card: RateCard) => card.reasoning,
  input_cache_read: (card: RateCard) => card.cacheRead,
  input_cache_write: (card: RateCard) => card.cacheWrite5m,
} as const;

/** The facts of a sheet for a list of models, with the standard price of that time for short prompts. */
export function listedFacts(sheet: PriceSheet, timeMs: number): ListedFacts {
  const card = currentPeriod(sheet.periods, timeMs)?.bands[0]?.card;
  if (card === undefined) return sheet.facts ?? {};
  const pricing = Object.entries(routerNames).flatMap(([name, rateOf]) => {
    const rate = rateOf(card);
    return rate === undefined ? [] : [[name, dollarsOf(rate)] as const];
  });
  return { ...sheet.facts, pricing: Object.fromEntries(pricing) };
}

/** Femto-USD as a decimal of dollars. */
function dollarsOf(femto: bigint): string {
  const digits = femto.toString().padStart(16, "0");
  const fraction = digits.slice(-15).replace(/0+$/, "");
  return `${digits.slice(0, -15)}${fraction === "" ? "" : `.${fraction}`}`;
}
