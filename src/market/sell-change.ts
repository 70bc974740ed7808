import { GatewayError } from "../core/index.ts";
import { parseRate } from "../ledger/index.ts";
import type { SellChange } from "./automatic-types.ts";
import type { PriceRule } from "./sell/ask-price.ts";
import { checkHours } from "./sell/hours.ts";
import type { Share, ShareTerms } from "./sell/shares.ts";

const mostShare = { margin: 100, follow: 0.5, fixed: 0 } as const;

/** A share with other rules of price and hours; what is not named stays. @throws GatewayError `invalid_request` */
export function withChange({ terms, ...share }: Share, change: SellChange): Share {
  const { hours, concurrency } = change;
  const { rule: _old, hours: oldHours, ...kept } = terms;
  const rule = ruleOf(terms.rule, change);
  const shown = hours === undefined ? oldHours : checkHours(hours);
  const changed: ShareTerms = {
    ...kept,
    ...(rule === undefined || rule.kind === "fixed" ? {} : { rule }),
    ...(shown === undefined || shown.length === 0 ? {} : { hours: shown }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
  if (changed.rule !== undefined && isFree(terms)) {
    throw new GatewayError(
      "invalid_request",
      `"${share.model}" is shared without a price, so no rule changes it. Share it with a price first.`,
    );
  }
  return { ...share, terms: changed };
}

/** A share whose price follows the cheapest offer of others, and is never below what it costs; without it if `arbitrage` is omitted. @throws GatewayError `invalid_request` */
export function withArbitrage({ terms, ...share }: Share, arbitrage: { readonly share: number } | undefined): Share {
  const { rule, ...kept } = terms;
  if (arbitrage === undefined) return rule?.aboveCost === true ? { ...share, terms: kept } : { ...share, terms };
  if (isFree(terms)) throw new GatewayError("invalid_request", `"${share.model}" is shared without a price. Share it with a price first.`);
  if (!(arbitrage.share >= 0 && arbitrage.share <= mostShare.follow)) {
    throw new GatewayError("invalid_request", `"share" must be from 0 to ${mostShare.follow}.`, { param: "share" });
  }
  const floor = rule?.kind === "follow" && rule.floor !== undefined ? { floor: rule.floor } : {};
  return { ...share, terms: { ...kept, rule: { kind: "follow", share: Math.round(arbitrage.share * 10_000), aboveCost: true, ...floor } } };
}

function isFree({ price }: ShareTerms): boolean {
  return Object.values(price).every((rate) => rate === "0");
}

function ruleOf(old: PriceRule | undefined, change: SellChange): PriceRule | undefined {
  const { rule: kind = old?.kind, floor_input: input, floor_output: output } = change;
  if (kind === undefined) {
    if (change.share === undefined && input === undefined && output === undefined) return undefined;
    throw new GatewayError("invalid_request", 'Name the "rule" that the share or floor is for: margin or follow.', { param: "rule" });
  }
  const share = change.share ?? (old?.kind === kind ? old.share / 10_000 : 0);
  if (!(share >= 0 && share <= mostShare[kind])) {
    throw new GatewayError("invalid_request", `"share" of the rule ${kind} must be from 0 to ${mostShare[kind]}.`, { param: "share" });
  }
  const floor =
    input === undefined && output === undefined
      ? old?.floor
      : { input: rateOf("floor_input", input ?? "0"), output: rateOf("floor_output", output ?? "0") };
  return { kind, share: Math.round(share * 10_000), ...(floor === undefined ? {} : { floor }) };
}

function rateOf(param: string, text: string): string {
  const rate = parseRate(text);
  if (rate !== undefined && rate < 10n ** 15n) return String(rate);
  throw new GatewayError("invalid_request", `"${param}" must be credits a million tokens, as in 0.05.`, { param });
}
