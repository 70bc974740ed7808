import { formatRate } from "../../src/ledger/money.ts";
import { plainNames, type ListedModel, type ListedPeriod, type ListedRates } from "../../src/ledger/prices/price-list.ts";
import type { PriceSheet, SheetPeriod } from "../../src/ledger/prices/price-sheet.ts";
import { formatUnitRate, type RateCard } from "../../src/ledger/prices/rates.ts";

/** A sheet as the list has it. */
export function listedOf(sheet: PriceSheet, source: string, date: string): ListedModel {
  const { periods, classes, speeds, regions, facts = {} } = sheet;
  const { contextWindow, maxOutputTokens, inputModalities, outputModalities } = facts;
  return {
    source,
    date,
    periods: periods.map(periodOf),
    ...(classes === undefined || Object.keys(classes).length === 0
      ? {}
      : { classes: Object.fromEntries(Object.entries(classes).map(([tier, list]) => [tier, list.map(periodOf)])) }),
    ...(speeds === undefined ? {} : { speeds }),
    ...(regions === undefined ? {} : { regions }),
    ...(contextWindow === undefined ? {} : { context: contextWindow }),
    ...(maxOutputTokens === undefined ? {} : { max_output: maxOutputTokens }),
    ...(inputModalities === undefined ? {} : { input: inputModalities }),
    ...(outputModalities === undefined ? {} : { output: outputModalities }),
  };
}

function periodOf({ when, bands }: SheetPeriod): ListedPeriod {
  const listed = bands.map(({ above, card }) => [above, ratesOf(card)] as const);
  return when === undefined ? { bands: listed } : { when, bands: listed };
}

function ratesOf(card: RateCard): ListedRates {
  const rates: Record<string, number> = {};
  for (const [name, key] of Object.entries(plainNames)) {
    const rate = card[key];
    const isDollars = key === "request" || key === "minimum";
    if (rate !== undefined) rates[name] = Number(formatRate(isDollars ? rate / 1_000_000n : rate));
  }
  for (const [name, rate] of Object.entries(card.units ?? {})) rates[name] = Number(formatUnitRate(name, rate));
  return rates;
}
