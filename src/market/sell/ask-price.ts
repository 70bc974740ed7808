import type { Price } from "../documents/kinds.ts";

/** How the price of a share follows something. */
export interface PriceRule {
  /** `margin`: over what the target costs this gateway; `follow`: below the cheapest offer of others. */
  readonly kind: "fixed" | "margin" | "follow";
  /** Ten-thousandths: what is added to the cost, or taken off the cheapest offer. */
  readonly share: number;
  /** The least of each rate. */
  readonly floor?: Pick<Price, "input" | "output"> | undefined;
  /** Of `follow`, for arbitrage: never less than what the target costs this gateway. */
  readonly aboveCost?: boolean | undefined;
}

export interface AskSources {
  /** What the target costs this gateway; `undefined`: it has no price. */
  readonly cost: Price | undefined;
  /** The cheapest offer of others; `undefined`: nobody else sells the model. */
  readonly others: Price | undefined;
}

const whole = 10_000n;
const nothing: Price = { input: "0", output: "0", cache_read: "0" };

/** What is asked for a share now. Where a rule has nothing to follow, the price that was set is asked. */
export function askPrice(set: Price, rule: PriceRule | undefined, { cost, others }: AskSources): Price {
  if (rule === undefined || rule.kind === "fixed") return set;
  const base = rule.kind === "margin" ? cost : others;
  const least = leastOf(set, rule, cost);
  if (base === undefined) return rule.aboveCost === true ? atLeast(set, least) : set;
  const factor = rule.kind === "margin" ? whole + BigInt(rule.share) : whole - BigInt(rule.share);
  // A margin is never rounded away.
  const rate = (name: keyof Price): string => String((BigInt(base[name]) * factor + whole - 1n) / whole);
  return atLeast({ input: rate("input"), output: rate("output"), cache_read: rate("cache_read") }, least);
}

function leastOf(set: Price, { kind, floor, aboveCost }: PriceRule, cost: Price | undefined): Price {
  const named = floor === undefined ? nothing : { ...floor, cache_read: "0" };
  if (aboveCost === true) return atLeast(named, cost ?? set);
  return floor === undefined && kind === "follow" ? { ...set, cache_read: "0" } : named;
}

function atLeast(price: Price, least: Price): Price {
  const rate = (name: keyof Price): bigint => (BigInt(price[name]) < BigInt(least[name]) ? BigInt(least[name]) : BigInt(price[name]));
  const [input, cached] = [rate("input"), rate("cache_read")];
  // What is cached costs no more than what is not.
  return { input: String(input), output: String(rate("output")), cache_read: String(cached > input ? input : cached) };
}
