import { feeUnits, storageUnits, tokenUnits, type ServiceTier } from "../../ir/index.ts";
import { femtoPerNano, parseRate } from "../money.ts";
import { isFee, plainNames } from "./price-list.ts";
import { extendCard, type PriceSheet, type SheetBand, type SheetPeriod } from "./price-sheet.ts";
import { appliesAt, type When } from "./price-when.ts";
import type { RateCard, RatedUnit } from "./rates.ts";

/**
 * Prices of the configuration, by `provider/model` or by `model`, ignoring case: `{ "local/qwen3": { input: "0.05", output: "0.2" } }`. The first
 * form takes precedence over the second, and both over all lists. One with `input` or `output` replaces the price of the lists; one without adds to it.
 */
export type PriceOverrides = Readonly<Record<string, PriceOverride>>;

/** The names of rates in the configuration. */
export const rateNames = [
  ...(Object.keys(plainNames) as (keyof typeof plainNames)[]),
  ...tokenUnits,
  ...storageUnits,
  ...feeUnits,
] as const;
export type RateName = (typeof rateNames)[number];

/**
 * US dollars per million tokens, or of one call, as decimals with at most nine places, below a million dollars. An omitted rate has the default of
 * `RateCard`.
 */
export type TokenPrices = Readonly<Partial<Record<RateName, string | undefined>>>;

/** Prices of one class of service: for prompts of any length, and for those of more than `above` tokens. */
export interface ClassPrices extends TokenPrices {
  readonly above?: Readonly<Record<string, TokenPrices>> | undefined;
}

/** Prices at some times: what is omitted is as at others. */
export interface TimedPrices extends ClassPrices {
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  readonly weekdays?: readonly number[] | undefined;
  readonly hours?: readonly (readonly [string, string])[] | undefined;
}

/** Prices of the standard class of service, and of others by their names on the wire. The cost of a class without prices is unknown. */
export interface PriceOverride extends ClassPrices {
  readonly batch?: ClassPrices | undefined;
  readonly flex?: ClassPrices | undefined;
  readonly priority?: ClassPrices | undefined;
  readonly ultrafast?: ClassPrices | undefined;
  /** The last one that holds is used. */
  readonly times?: readonly TimedPrices[] | undefined;
  /** Factors on the prices of tokens, by the speed or the region that an answer reports. */
  readonly speeds?: Readonly<Record<string, string>> | undefined;
  readonly regions?: Readonly<Record<string, string>> | undefined;
  readonly context_window?: number | undefined;
}

const tiers = ["batch", "flex", "priority", "ultrafast"] as const satisfies readonly ServiceTier[];

/**
 * The sheets of overrides by name in lower case. One without periods only adds to other sheets, unless it has one for that.
 * @throws RangeError that names the invalid entry.
 */
export function readOverrides(overrides: PriceOverrides): ReadonlyMap<string, PriceSheet> {
  return new Map(Object.entries(overrides).map(([name, price]) => [name.toLowerCase(), readOverride(name, price)]));
}

function isWhole({ input, output }: TokenPrices): boolean {
  return input !== undefined || output !== undefined;
}

/** Whether the sheet of an override replaces the prices of other lists. */
export function isWholeSheet({ periods }: PriceSheet): boolean {
  const card = periods[0]?.bands[0]?.card;
  return card?.input !== undefined || card?.output !== undefined;
}

function readOverride(name: string, price: PriceOverride): PriceSheet {
  const classes: Partial<Record<ServiceTier, readonly SheetPeriod[]>> = {};
  for (const tier of tiers) {
    const prices = price[tier];
    if (prices === undefined) continue;
    if (!isWhole(prices)) throw neither(`"${name}" (${tier})`);
    classes[tier] = [{ bands: readBands(`"${name}" (${tier})`, prices) }];
  }
  const what = `"${name}"`;
  const bands = readBands(what, price);
  const times = (price.times ?? []).map((timed): SheetPeriod => readTime(what, timed, bands));
  const hasPrices = isWhole(price) || Object.keys(bands[0]!.card).length > 0;
  if (!hasPrices && tiers.every((tier) => price[tier] === undefined) && price.speeds === undefined && price.regions === undefined)
    throw neither(what);
  return {
    origin: { source: "override", model: name },
    periods: hasPrices ? [{ bands }, ...times] : [],
    classes,
    ...(price.speeds === undefined ? {} : { speeds: price.speeds }),
    ...(price.regions === undefined ? {} : { regions: price.regions }),
    facts: price.context_window === undefined ? {} : { contextWindow: price.context_window },
  };
}

function neither(what: string): RangeError {
  return new RangeError(`The price of ${what} has neither input nor output. Give at least one of them, in US dollars a million tokens.`);
}

function readTime(what: string, timed: TimedPrices, standard: readonly SheetBand[]): SheetPeriod {
  const { from, until, weekdays, hours } = timed;
  const when: When = Object.fromEntries(Object.entries({ from, until, weekdays, hours }).filter(([, value]) => value !== undefined));
  appliesAt(when);
  const bands = readBands(what, timed);
  const base = standard[0]!.card;
  return { when, bands: bands.map(({ above, card }) => ({ above, card: extendCard(base, card) })) };
}

function readBands(what: string, prices: ClassPrices): readonly SheetBand[] {
  const base = readCard(what, prices);
  const longer = Object.entries(prices.above ?? {}).map(([tokens, own]): SheetBand => {
    const above = Number(tokens);
    if (!Number.isSafeInteger(above) || above < 1)
      throw new RangeError(`The price of ${what} has above "${tokens}". Write a number of tokens of the prompt, such as 200000.`);
    return { above, card: extendCard(base, readCard(what, own)) };
  });
  return [{ above: 0, card: base }, ...longer.toSorted((a, b) => a.above - b.above)];
}

function readCard(what: string, prices: TokenPrices): RateCard {
  const card: { -readonly [Name in Exclude<keyof RateCard, "units">]?: bigint } = {};
  const units: Partial<Record<RatedUnit, bigint>> = {};
  for (const name of rateNames) {
    const text = prices[name];
    if (text === undefined) continue;
    const rate = parseRate(text);
    if (rate === undefined) {
      const unit = isFee(name) ? "US dollars" : "US dollars a million tokens";
      throw new RangeError(
        `The price of ${what} has ${name} "${text}". Write ${unit} as a decimal with at most nine places, such as "0.25".`,
      );
    }
    const value = isFee(name) ? rate * femtoPerNano : rate;
    if (Object.hasOwn(plainNames, name)) card[plainNames[name as keyof typeof plainNames]] = value;
    else units[name as RatedUnit] = value;
  }
  return Object.keys(units).length === 0 ? card : { ...card, units };
}
