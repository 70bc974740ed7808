import type { ServiceTier, Usage } from "../../ir/index.ts";
import { rateOfNumber } from "../money.ts";
import { compileRates, scaleCard, type RateCard, type RateOrigin, type Rates } from "./rates.ts";
import { appliesAt, type When } from "./price-when.ts";

/** A model's price as every source of prices gives it, before it is compiled. */
export interface PriceSheet {
  readonly origin: Pick<RateOrigin, "source" | "vendor" | "model" | "date">;
  /** The last period that holds at a time is used; the first one always holds. Empty if only what is below is known. */
  readonly periods: readonly SheetPeriod[];
  /** Prices of other classes of service than the standard one. */
  readonly classes?: Readonly<Partial<Record<ServiceTier, readonly SheetPeriod[]>>>;
  /** Factors on all prices by token, `{ "fast": "2" }`. */
  readonly speeds?: Readonly<Record<string, string>>;
  readonly regions?: Readonly<Record<string, string>>;
  readonly facts?: ModelFacts;
}

export interface SheetPeriod {
  readonly when?: When;
  /** In ascending order of `above`, which is 0 for the first. Never empty. */
  readonly bands: readonly SheetBand[];
}

/** Rates for prompts of more than `above` tokens. They apply to all the tokens, not only to those above. */
export interface SheetBand {
  readonly above: number;
  readonly card: RateCard;
}

/** What a list of prices says of a model beside its prices. */
export interface ModelFacts {
  readonly contextWindow?: number;
  readonly maxOutputTokens?: number;
  readonly inputModalities?: readonly string[];
  readonly outputModalities?: readonly string[];
}

/** How an answer was served, as far as prices depend on it. */
export type Served = Pick<Usage, "tier" | "speed" | "region">;

/** A compiled price: the rates depend on the time, on the length of the prompt, and on how the answer was served. */
export interface ModelRates {
  readonly sheet: PriceSheet;
  readonly periods: readonly Period[];
  readonly tiers: ReadonlyMap<ServiceTier, readonly Period[]>;
  readonly free: boolean;
}

interface Period {
  readonly appliesAt: ((timeMs: number) => boolean) | undefined;
  readonly bands: readonly Band[];
}

interface Band {
  readonly above: number;
  readonly card: RateCard;
  readonly origin: RateOrigin;
  readonly rates: Rates;
  /** The same for other speeds and regions, by `fast/us`; filled when they are needed. */
  readonly scaled: Map<string, Rates>;
}

export function compileSheet(sheet: PriceSheet): ModelRates {
  const periods = sheet.periods.map((period) => compilePeriod(period, sheet.origin));
  const tiers = new Map<ServiceTier, readonly Period[]>();
  for (const [tier, list = []] of Object.entries(sheet.classes ?? {}) as [ServiceTier, readonly SheetPeriod[] | undefined][])
    tiers.set(
      tier,
      list.map((period) => compilePeriod(period, { ...sheet.origin, tier })),
    );
  return { sheet, periods, tiers, free: periods.length > 0 && periods.every(({ bands }) => bands.every(({ rates }) => rates.free)) };
}

/** A sheet of one price that applies at any time, to every prompt. */
export function flatSheet(card: RateCard, origin: PriceSheet["origin"]): PriceSheet {
  return { origin, periods: [{ bands: [{ above: 0, card }] }] };
}

function compilePeriod({ when, bands }: SheetPeriod, origin: RateOrigin): Period {
  return {
    appliesAt: when === undefined ? undefined : appliesAt(when),
    bands: bands.map(({ above, card }) => {
      const ofBand = above === 0 ? origin : { ...origin, above_input_tokens: above };
      return { above, card, origin: ofBand, rates: compileRates(card, ofBand), scaled: new Map() };
    }),
  };
}

/** The rates at a time for a prompt of `inputTokens` tokens; `undefined`: this class of service, speed or region has no known price. */
export function ratesAt(model: ModelRates, timeMs: number, inputTokens: number, served: Served): Rates | undefined {
  const { tier, speed, region } = served;
  // A free model is free in every class.
  if (model.free) return model.periods[0]!.bands[0]!.rates;
  const periods = tier === undefined ? model.periods : model.tiers.get(tier);
  if (periods === undefined || periods.length === 0) return undefined;
  const band = bandAt(periods, timeMs, inputTokens);
  return speed === undefined && region === undefined ? band.rates : scaledRates(model.sheet, band, served);
}

function bandAt(periods: readonly Period[], timeMs: number, inputTokens: number): Band {
  let period = periods[0]!;
  for (let i = periods.length - 1; i > 0; i--) {
    const candidate = periods[i]!;
    if (candidate.appliesAt === undefined || candidate.appliesAt(timeMs)) {
      period = candidate;
      break;
    }
  }
  const { bands } = period;
  for (let i = bands.length - 1; i > 0; i--) if (inputTokens > bands[i]!.above) return bands[i]!;
  return bands[0]!;
}

function scaledRates(sheet: PriceSheet, band: Band, { speed, region }: Served): Rates | undefined {
  const key = `${speed ?? ""}/${region ?? ""}`;
  const known = band.scaled.get(key);
  if (known !== undefined) return known;
  const factors = [factorOf(sheet.speeds, speed), factorOf(sheet.regions, region)];
  if (factors.includes(undefined)) return undefined;
  const card = (factors as readonly bigint[]).reduce((scaled, factor) => scaleCard(scaled, factor), band.card);
  const rates = compileRates(card, {
    ...band.origin,
    ...(speed === undefined ? {} : { speed }),
    ...(region === undefined ? {} : { region }),
  });
  band.scaled.set(key, rates);
  return rates;
}

/** In thousandths. Only names of the sheet have one, so that the answers of a server cannot fill the memory. */
function factorOf(factors: Readonly<Record<string, string>> | undefined, name: string | undefined): bigint | undefined {
  if (name === undefined) return 1000n;
  const text = factors !== undefined && Object.hasOwn(factors, name) ? factors[name] : undefined;
  return text === undefined ? undefined : rateOfNumber(Number(text)) / 1_000_000n;
}

/** A sheet with what `more` adds to it: rates that it has in place of its own, further lengths, times, classes, speeds, regions and facts. */
export function extendSheet(base: PriceSheet, more: PriceSheet): PriceSheet {
  const [added, ...times] = more.periods;
  const first = base.periods[0]?.bands[0]?.card ?? {};
  return {
    origin: added === undefined ? base.origin : more.origin,
    periods: [
      ...base.periods.map((period) => (added === undefined ? period : { ...period, bands: extendBands(period.bands, added.bands) })),
      ...times.map(({ bands, ...when }) => ({
        ...when,
        bands: bands.map(({ above, card }) => ({ above, card: extendCard(first, card) })),
      })),
    ],
    classes: { ...base.classes, ...more.classes },
    speeds: { ...base.speeds, ...more.speeds },
    regions: { ...base.regions, ...more.regions },
    facts: { ...base.facts, ...more.facts },
  };
}

function extendBands(bands: readonly SheetBand[], [added, ...longer]: readonly SheetBand[]): readonly SheetBand[] {
  const own = bands.map(({ above, card }) => ({ above, card: extendCard(card, added?.card ?? {}) }));
  const further = longer
    .filter(({ above }) => !own.some((band) => band.above === above))
    .map(({ above, card }) => ({ above, card: extendCard(own[0]!.card, card) }));
  return [...own, ...further].toSorted((a, b) => a.above - b.above);
}

/** @param added its rates take the place of those of `card`. */
export function extendCard(card: RateCard, added: RateCard): RateCard {
  const given = Object.fromEntries(Object.entries(added).filter(([, rate]) => rate !== undefined)) as RateCard;
  const units = { ...card.units, ...given.units };
  return { ...card, ...given, ...(Object.keys(units).length === 0 ? {} : { units }) };
}
