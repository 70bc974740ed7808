import type { ServiceTier } from "../../ir/index.ts";
import { parseRate } from "../money.ts";
import { flatRates, type ModelRates } from "./price-compile.ts";
import { compileRates } from "./rates.ts";

/**
 * Prices of the configuration, by `provider/model` or by `model`, ignoring case: `{ "local/qwen3": { input: "0.05", output: "0.2" } }`. The first
 * form takes precedence over the second, and both over the catalogue, whose price they replace completely.
 */
export type PriceOverrides = Readonly<Record<string, PriceOverride>>;

/** US dollars per million tokens, as decimals with at most nine places, below a million dollars. An omitted rate has the default of `RateCard`. */
export interface TokenPrices {
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  readonly cache_read?: string | undefined;
  readonly cache_write_5m?: string | undefined;
  readonly cache_write_1h?: string | undefined;
}

/** Prices of the standard class of service, and of others by their names on the wire. The cost of a class without prices here is unknown. */
export interface PriceOverride extends TokenPrices {
  readonly batch?: TokenPrices | undefined;
  readonly flex?: TokenPrices | undefined;
  readonly priority?: TokenPrices | undefined;
}

/** @throws RangeError that names the invalid entry. */
export function compileOverrides(overrides: PriceOverrides): ReadonlyMap<string, ModelRates> {
  return new Map(Object.entries(overrides).map(([name, price]) => [name.toLowerCase(), compileOverride(name, price)]));
}

const tiers = ["batch", "flex", "priority"] as const;

function compileOverride(name: string, price: PriceOverride): ModelRates {
  const ofTiers = tiers.flatMap((tier) => {
    const prices = price[tier];
    return prices === undefined ? [] : [[tier, compilePrices(name, prices, tier)] as const];
  });
  const standard = compilePrices(name, price);
  return ofTiers.length === 0 ? standard : { ...standard, tiers: new Map(ofTiers) };
}

function compilePrices(name: string, price: TokenPrices, tier?: ServiceTier): ModelRates {
  const what = tier === undefined ? `"${name}"` : `"${name}" (${tier})`;
  const rate = (field: keyof TokenPrices): bigint | undefined => {
    const text = price[field];
    if (text === undefined) return undefined;
    const value = parseRate(text);
    if (value !== undefined) return value;
    throw new RangeError(
      `The price of ${what} has ${field} "${text}". Write US dollars a million tokens as a decimal with at most nine places, such as "0.25".`,
    );
  };
  const card = {
    input: rate("input"),
    output: rate("output"),
    cacheRead: rate("cache_read"),
    cacheWrite5m: rate("cache_write_5m"),
    cacheWrite1h: rate("cache_write_1h"),
  };
  if (card.input === undefined && card.output === undefined) {
    throw new RangeError(`The price of ${what} has neither input nor output. Give at least one of them, in US dollars a million tokens.`);
  }
  return flatRates(compileRates(card, { source: "override", model: name, ...(tier === undefined ? {} : { tier }) }));
}
