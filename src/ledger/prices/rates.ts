import type { ServiceTier, Usage } from "../../ir/index.ts";
import { femtoPerNano, formatRate, maxNanoUsd, parseRate, roundToNano } from "../money.ts";

/** Rates in femto-USD (10⁻¹⁵ $); `undefined`: there is no rate, and a count that needs it makes the cost unknown. */
export interface RateCard {
  /** A token of the prompt that has no other rate. */
  readonly input?: bigint | undefined;
  /** A generated token. */
  readonly output?: bigint | undefined;
  /** Defaults: a cached token costs what `input` costs, and the 1-hour write what the 5-minute one costs. */
  readonly cacheRead?: bigint | undefined;
  readonly cacheWrite5m?: bigint | undefined;
  readonly cacheWrite1h?: bigint | undefined;
  /** A token of reasoning; by default what `output` costs. */
  readonly reasoning?: bigint | undefined;
  /** A fee per request, whatever its tokens. */
  readonly request?: bigint | undefined;
}

/** Rates for calculations, with all defaults filled in. */
export interface Rates {
  readonly input: bigint | undefined;
  readonly output: bigint | undefined;
  readonly cacheRead: bigint | undefined;
  readonly cacheWrite5m: bigint | undefined;
  readonly cacheWrite1h: bigint | undefined;
  readonly reasoning: bigint | undefined;
  readonly request: bigint;
  /** Whether everything is free: the cost is 0 even if the usage is unknown. */
  readonly free: boolean;
  /**
   * Stored with an entry, so that its cost can be calculated again from its counts alone. Decimals are US dollars per million tokens:
   * `{"source":"catalogue","vendor":"openai","model":"gpt-5","input":"1.25","output":"10","cache_read":"0.125"}`. An omitted rate has its default,
   * above. `per_request` is dollars; `above_input_tokens` says that the rates are those of longer prompts.
   */
  readonly snapshot: string;
}

/** The source of rates, for the snapshot. */
export interface RateOrigin {
  readonly source: "catalogue" | "override" | "builtin";
  readonly vendor?: string;
  readonly model?: string;
  readonly above_input_tokens?: number;
  /** The class of service of these rates. */
  readonly tier?: ServiceTier;
}

/** Fills in the defaults and writes the snapshot. */
export function compileRates(card: RateCard, origin: RateOrigin): Rates {
  const cacheWrite5m = card.cacheWrite5m ?? card.input;
  const snapshot = JSON.stringify({
    ...origin,
    input: decimal(card.input),
    output: decimal(card.output),
    cache_read: decimal(card.cacheRead),
    cache_write_5m: decimal(card.cacheWrite5m),
    cache_write_1h: decimal(card.cacheWrite1h),
    reasoning: decimal(card.reasoning),
    // Femto-USD per request: a dollar is 10¹⁵ of them, and `formatRate` counts in 10⁹.
    per_request: card.request === undefined ? undefined : formatRate(card.request / femtoPerNano),
  });
  return {
    input: card.input,
    output: card.output,
    cacheRead: card.cacheRead ?? card.input,
    cacheWrite5m,
    cacheWrite1h: card.cacheWrite1h ?? cacheWrite5m,
    reasoning: card.reasoning ?? card.output,
    request: card.request ?? 0n,
    free: card.input === 0n && card.output === 0n && Object.values(card).every((rate) => rate === undefined || rate === 0n),
    snapshot,
  };
}

/**
 * The rates of a stored snapshot: with an entry's counts they give its cost again, even if the price has changed since.
 * @throws SyntaxError, RangeError if the text is not a snapshot.
 */
export function readSnapshot(snapshot: string): Rates {
  const { source, vendor, model, above_input_tokens, tier, ...stored } = JSON.parse(snapshot) as RateOrigin &
    Readonly<Record<string, string>>;
  const rate = (name: string): bigint | undefined => {
    const text = stored[name];
    if (text === undefined) return undefined;
    const value = parseRate(text);
    if (value === undefined) throw new RangeError(`A price snapshot has ${name} "${text}".`);
    return value;
  };
  const perRequest = rate("per_request");
  const card = {
    input: rate("input"),
    output: rate("output"),
    cacheRead: rate("cache_read"),
    cacheWrite5m: rate("cache_write_5m"),
    cacheWrite1h: rate("cache_write_1h"),
    reasoning: rate("reasoning"),
    request: perRequest === undefined ? undefined : perRequest * femtoPerNano,
  };
  const origin = { vendor, model, above_input_tokens, tier };
  return compileRates(card, {
    source,
    ...(Object.fromEntries(Object.entries(origin).filter(([, value]) => value !== undefined)) as Omit<RateOrigin, "source">),
  });
}

function decimal(rate: bigint | undefined): string | undefined {
  return rate === undefined ? undefined : formatRate(rate);
}

/**
 * The cost of a usage: exact except for one rounding, half up, to nano-USD. `usage` has been through `clampUsage`.
 * @returns `undefined`, cost unknown, if no count was reported, if a count above 0 has no rate, or if the sum exceeds a 64-bit column.
 */
export function reckonCost(rates: Rates, usage: Usage): bigint | undefined {
  const { input, output } = usage;
  const cacheRead = usage.cacheRead ?? 0;
  const cacheWrite5m = usage.cacheWrite5m ?? 0;
  const cacheWrite1h = usage.cacheWrite1h ?? 0;
  const reasoning = usage.reasoning ?? 0;
  const cached = cacheRead + cacheWrite5m + cacheWrite1h;
  if (rates.free) return 0n;
  if (input === undefined && output === undefined && cached === 0 && reasoning === 0) return undefined;
  const fresh = input === undefined ? 0 : input - cached;
  const said = output === undefined ? 0 : output - reasoning;
  let femto = rates.request;
  if (fresh > 0) {
    if (rates.input === undefined) return undefined;
    femto += BigInt(fresh) * rates.input;
  }
  if (said > 0) {
    if (rates.output === undefined) return undefined;
    femto += BigInt(said) * rates.output;
  }
  if (reasoning > 0) {
    if (rates.reasoning === undefined) return undefined;
    femto += BigInt(reasoning) * rates.reasoning;
  }
  if (cached > 0) {
    if (rates.cacheRead === undefined || rates.cacheWrite5m === undefined || rates.cacheWrite1h === undefined) return undefined;
    femto += BigInt(cacheRead) * rates.cacheRead + BigInt(cacheWrite5m) * rates.cacheWrite5m + BigInt(cacheWrite1h) * rates.cacheWrite1h;
  }
  const nano = roundToNano(femto);
  return nano > maxNanoUsd ? undefined : nano;
}
