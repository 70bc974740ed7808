import type { Price } from "../documents/kinds.ts";

/** How the price of a share follows something. */
export interface PriceRule {
  /** `margin`: over what the target costs this gateway; `follow`: below the cheapest offer of others. */
  readonly kind: "fixed" | "margin" | "follow";
  /** Ten-thousandths: what is added to the cost, or taken off the cheapest offer. */
  readonly share: number;
  /** The least of each rate. */
  readonly floor?: Pick<Price, "input" | "output"> | undefined;
}

export interface AskSources {
  /** What the target costs this gateway; `undefined`: it has no price. */
  readonly cost: Price | undefined;
  /** The cheapest offer of others; `undefined`: nobody else sells the model. */
  readonly others: Price | undefined;
}

const whole = 10_000n;

/** What is asked for a share now. Where a rule has nothing to follow, the price that was set is asked. */
export function askPrice(set: Price, rule: PriceRule | undefined, { cost, others }: AskSources): Price {
  if (rule === undefined || rule.kind === "fixed") return set;
  const base = rule.kind === "margin" ? cost : others;
  if (base === undefined) return set;
  const factor = rule.kind === "margin" ? whole + BigInt(rule.share) : whole - BigInt(rule.share);
  const floor = rule.floor ?? (rule.kind === "follow" ? set : { input: "0", output: "0" });
  const rate = (name: keyof Price, least: string): string => {
    // A margin is never rounded away.
    const asked = (BigInt(base[name]) * factor + whole - 1n) / whole;
    return String(asked < BigInt(least) ? BigInt(least) : asked);
  };
  const input = rate("input", floor.input);
  const cached = rate("cache_read", "0");
  // What is cached costs no more than what is not.
  return { input, output: rate("output", floor.output), cache_read: BigInt(cached) > BigInt(input) ? input : cached };
}
