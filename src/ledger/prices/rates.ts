import { feeUnits, tokenUnits, type ServiceTier, type UnitName } from "../../ir/index.ts";
import { formatDollars, formatRate, parseDollars, parseRate } from "../money.ts";

/** Units that have a rate of their own. Predictions cost what `output` costs. */
export type RatedUnit = Exclude<UnitName, "accepted_prediction" | "rejected_prediction">;

const fees: ReadonlySet<string> = new Set(feeUnits);

export type UnitRates = Readonly<Partial<Record<RatedUnit, bigint>>>;

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
  /** The least that a request costs. */
  readonly minimum?: bigint | undefined;
  /**
   * By unit. Defaults: a picture or a video in the prompt costs what `input` costs, as vendors list them together (November 2026); a cached part what
   * such a part costs; a write for 30 minutes what the short one costs. Sound, and everything else that is made, has no default.
   */
  readonly units?: UnitRates | undefined;
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
  readonly minimum: bigint;
  readonly units: UnitRates;
  /** Whether all tokens are free: their cost is 0 even if the usage is unknown. */
  readonly free: boolean;
  /**
   * Stored with an entry, so that its cost can be calculated again from its counts alone. Decimals are US dollars per million tokens:
   * `{"source":"catalogue","vendor":"openai","model":"gpt-5","input":"1.25","output":"10","cache_read":"0.125"}`. An omitted rate has its default,
   * above. `per_request` is dollars; `above_input_tokens` says that the rates are those of longer prompts.
   */
  readonly snapshot: string;
  /** The same with the rates of `units`, for entries that have some: `"units":{"input_audio":"32","web_search":"0.01"}`; those of calls are dollars. */
  readonly fullSnapshot: string;
}

/** The source of rates, for the snapshot. */
export interface RateOrigin {
  readonly source: "catalogue" | "list" | "file" | "override" | "builtin" | "upstream";
  readonly vendor?: string;
  readonly model?: string;
  /** The day of the source, `2026-11-28`. */
  readonly date?: string;
  readonly above_input_tokens?: number;
  /** The class of service of these rates. */
  readonly tier?: ServiceTier;
  readonly speed?: string;
  readonly region?: string;
}

/** Fills in the defaults and writes the snapshot. */
export function compileRates(card: RateCard, origin: RateOrigin): Rates {
  const cacheWrite5m = card.cacheWrite5m ?? card.input;
  const plain = {
    ...origin,
    input: decimal(card.input),
    output: decimal(card.output),
    cache_read: decimal(card.cacheRead),
    cache_write_5m: decimal(card.cacheWrite5m),
    cache_write_1h: decimal(card.cacheWrite1h),
    reasoning: decimal(card.reasoning),
    per_request: card.request === undefined ? undefined : formatDollars(card.request),
    minimum: card.minimum === undefined ? undefined : formatDollars(card.minimum),
  };
  const snapshot = JSON.stringify(plain);
  const free = card.input === 0n && card.output === 0n && isAllZero(card);
  return {
    input: card.input,
    output: card.output,
    cacheRead: card.cacheRead ?? card.input,
    cacheWrite5m,
    cacheWrite1h: card.cacheWrite1h ?? cacheWrite5m,
    reasoning: card.reasoning ?? card.output,
    request: card.request ?? 0n,
    minimum: card.minimum ?? 0n,
    units: unitRatesOf(card, free, origin),
    free,
    snapshot,
    fullSnapshot: card.units === undefined ? snapshot : JSON.stringify({ ...plain, units: formatUnits(card.units) }),
  };
}

function isAllZero({ units: _units, ...plain }: RateCard): boolean {
  return Object.values(plain).every((rate) => rate === undefined || rate === 0n);
}

function unitRatesOf(card: RateCard, free: boolean, { source }: RateOrigin): UnitRates {
  const own = card.units ?? {};
  const cacheRead = card.cacheRead ?? card.input;
  const image = own.input_image ?? card.input;
  const video = own.input_video ?? card.input;
  const filled: Readonly<Partial<Record<RatedUnit, bigint | undefined>>> = {
    input_image: image,
    input_video: video,
    cache_read_audio: own.input_audio,
    cache_read_image: own.input_image === undefined ? cacheRead : image,
    cache_read_video: own.input_video === undefined ? cacheRead : video,
    cache_write_30m: card.cacheWrite5m ?? card.input,
    ...own,
  };
  const zero = free ? Object.fromEntries([...tokenUnits, ...(source === "builtin" ? feeUnits : [])].map((unit) => [unit, 0n])) : {};
  return { ...zero, ...Object.fromEntries(Object.entries(filled).filter(([, rate]) => rate !== undefined)) };
}

/** Rates with a factor, in thousandths, on all that is by token: another speed, another region. */
export function scaleCard(card: RateCard, thousandths: bigint): RateCard {
  const scale = (rate: bigint | undefined): bigint | undefined => (rate === undefined ? undefined : (rate * thousandths + 500n) / 1000n);
  const { request, minimum, units, ...tokens } = card;
  const scaled = Object.fromEntries(Object.entries(tokens).map(([name, rate]) => [name, scale(rate)])) as RateCard;
  return {
    ...scaled,
    request,
    minimum,
    ...(units === undefined
      ? {}
      : { units: Object.fromEntries(Object.entries(units).map(([name, rate]) => [name, fees.has(name) ? rate : scale(rate)!])) }),
  };
}

function formatUnits(units: UnitRates): Record<string, string> {
  return Object.fromEntries(Object.entries(units).map(([name, rate]) => [name, formatUnitRate(name, rate)]));
}

/** A unit's rate as a decimal of US dollars: of one call, or of a million tokens. */
export function formatUnitRate(name: string, rate: bigint): string {
  return fees.has(name) ? formatDollars(rate) : formatRate(rate);
}

/** Reads what `formatUnitRate` writes; `undefined` for any other text. */
export function parseUnitRate(name: string, text: string): bigint | undefined {
  return fees.has(name) ? parseDollars(text) : parseRate(text);
}

/**
 * The rates of a stored snapshot: with an entry's counts they give its cost again, even if the price has changed since.
 * @throws SyntaxError, RangeError if the text is not a snapshot.
 */
export function readSnapshot(snapshot: string): Rates {
  const stored = JSON.parse(snapshot) as Readonly<Record<string, unknown>>;
  const rate = (name: string, from: Readonly<Record<string, unknown>> = stored): bigint | undefined => {
    const text = from[name];
    if (text === undefined) return undefined;
    const parse = name === "per_request" || name === "minimum" ? parseDollars : parseUnitRate.bind(undefined, name);
    const value = typeof text === "string" ? parse(text) : undefined;
    if (value === undefined) throw new RangeError(`A price snapshot has ${name} ${JSON.stringify(text)}.`);
    return value;
  };
  const { units } = stored as { readonly units?: Readonly<Record<string, unknown>> };
  const card: RateCard = {
    input: rate("input"),
    output: rate("output"),
    cacheRead: rate("cache_read"),
    cacheWrite5m: rate("cache_write_5m"),
    cacheWrite1h: rate("cache_write_1h"),
    reasoning: rate("reasoning"),
    request: rate("per_request"),
    minimum: rate("minimum"),
    ...(units === undefined ? {} : { units: Object.fromEntries(Object.keys(units).map((name) => [name, rate(name, units)!])) }),
  };
  const origin = Object.fromEntries(originNames.filter((name) => stored[name] !== undefined).map((name) => [name, stored[name]]));
  return compileRates(card, origin as unknown as RateOrigin);
}

const originNames = [
  "source",
  "vendor",
  "model",
  "date",
  "above_input_tokens",
  "tier",
  "speed",
  "region",
] as const satisfies readonly (keyof RateOrigin)[];

function decimal(rate: bigint | undefined): string | undefined {
  return rate === undefined ? undefined : formatRate(rate);
}
