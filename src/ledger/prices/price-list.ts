import { readPackaged } from "../../core/index.ts";
import { feeUnits, type ServiceTier } from "../../ir/index.ts";
import { femtoPerNano, rateOfNumber } from "../money.ts";
import type { ModelFacts, PriceSheet, SheetBand, SheetPeriod } from "./price-sheet.ts";
import type { When } from "./price-when.ts";
import type { RateCard, RatedUnit } from "./rates.ts";

/**
 * The project's own list of prices, `price-list.json`: what the catalogue lacks, and what is newer or richer elsewhere. `scripts/prices.ts` makes it from
 * public lists; docs/prices.md says from which, and where they disagree.
 */
export interface PriceList {
  readonly sources: Readonly<Record<string, { readonly title: string; readonly version: string; readonly date: string }>>;
  /** Fees of the vendor's own tools for all its models, dollars of one call. */
  readonly fees: Readonly<Record<string, ListedRates>>;
  /** By vendor's id, then by model in lower case. */
  readonly vendors: Readonly<Record<string, Readonly<Record<string, ListedModel>>>>;
  /** Names that mean other models at different times, by vendor: `"mistral-large-latest"`. The last entry whose day has come counts. */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, readonly DatedAlias[]>>>>;
  readonly disagreements: readonly Disagreement[];
}

export interface DatedAlias {
  /** `2026-03-16`; the first entry has none. */
  readonly from?: string;
  readonly model: string;
}

/** Two sources that give different rates for a model, in dollars by million tokens. */
export interface Disagreement {
  readonly vendor: string;
  readonly model: string;
  readonly catalogue: string;
  readonly list: string;
  /** Which is used, and why. */
  readonly used: "catalogue" | "list" | "vendor";
  readonly reason: string;
}

/** Rates are numbers: dollars by million tokens, or of one call. */
export interface ListedModel {
  readonly source: string;
  /** The day when the price was read. */
  readonly date: string;
  readonly periods: readonly ListedPeriod[];
  readonly classes?: Readonly<Partial<Record<ServiceTier, readonly ListedPeriod[]>>>;
  readonly speeds?: Readonly<Record<string, string>>;
  readonly regions?: Readonly<Record<string, string>>;
  readonly context?: number;
  readonly max_output?: number;
  readonly input?: readonly string[];
  readonly output?: readonly string[];
}

export interface ListedPeriod {
  readonly when?: When;
  /** By the length of the prompt: `[[0, {…}], [272000, {…}]]`. */
  readonly bands: readonly (readonly [number, ListedRates])[];
}

export type ListedRates = Readonly<Record<string, number>>;

/** Plain rates by their names in lists, files and snapshots. */
export const plainNames = {
  input: "input",
  output: "output",
  cache_read: "cacheRead",
  cache_write_5m: "cacheWrite5m",
  cache_write_1h: "cacheWrite1h",
  reasoning: "reasoning",
  per_request: "request",
  minimum: "minimum",
} as const satisfies Readonly<Record<string, keyof RateCard>>;
const dollarNames: ReadonlySet<string> = new Set(["per_request", "minimum", ...feeUnits]);

/** Whether a rate is dollars of one call, not of a million tokens. */
export function isFee(name: string): boolean {
  return dollarNames.has(name);
}

export function readPriceList(): PriceList {
  return JSON.parse(readPackaged("price-list.json", import.meta.url)) as PriceList;
}

/** The sheet of a listed model. */
export function sheetOfListed(listed: ListedModel, vendor: string, model: string): PriceSheet {
  const { source, date, periods, classes, speeds, regions, context, max_output: most, input, output } = listed;
  const facts: ModelFacts = {
    ...(context === undefined ? {} : { contextWindow: context }),
    ...(most === undefined ? {} : { maxOutputTokens: most }),
    ...(input === undefined ? {} : { inputModalities: input }),
    ...(output === undefined ? {} : { outputModalities: output }),
  };
  return {
    origin: source === "catalogue" ? { source, vendor, model } : { source: "list", vendor, model, date },
    periods: periods.map(periodOf),
    ...(classes === undefined
      ? {}
      : { classes: Object.fromEntries(Object.entries(classes).map(([tier, list]) => [tier, list.map(periodOf)])) }),
    ...(speeds === undefined ? {} : { speeds }),
    ...(regions === undefined ? {} : { regions }),
    facts,
  };
}

function periodOf({ when, bands }: ListedPeriod): SheetPeriod {
  const read = bands.map(([above, rates]): SheetBand => ({ above, card: cardOf(rates) }));
  return when === undefined ? { bands: read } : { when, bands: read };
}

/** A card of listed rates. */
export function cardOf(rates: ListedRates): RateCard {
  const card: { -readonly [Name in Exclude<keyof RateCard, "units">]?: bigint } = {};
  let units: Partial<Record<RatedUnit, bigint>> | undefined;
  for (const name in rates) {
    const rate = rateOfNumber(rates[name]!) * (isFee(name) ? femtoPerNano : 1n);
    if (Object.hasOwn(plainNames, name)) card[plainNames[name as keyof typeof plainNames]] = rate;
    else (units ??= {})[name as RatedUnit] = rate;
  }
  return units === undefined ? card : { ...card, units };
}
