import { createRequire } from "node:module";
import type { findProvider } from "@pydantic/genai-prices";
import { sheetOfCatalogue } from "./catalogue-shape.ts";
import { openPriceList, type ListLookUp } from "./list-look-up.ts";
import { cardOf, sheetOfListed, type DatedAlias } from "./price-list.ts";
import { isWholeSheet, readOverrides, type PriceOverrides } from "./price-overrides.ts";
import {
  compileSheet,
  extendSheet,
  flatSheet,
  ratesAt,
  type ModelFacts,
  type ModelRates,
  type PriceSheet,
  type Served,
  type SheetPeriod,
} from "./price-sheet.ts";
import { findModel, makerOf, vendorOf, withoutDate, type FindVendor, type ProviderFacts } from "./price-vendors.ts";
import type { PriceFile } from "./price-file.ts";
import type { Rates } from "./rates.ts";

/** The prices of models. Immutable: a changed configuration makes a new one. */
export interface PriceCatalogue {
  /**
   * The rates for a provider's model at a time, for a prompt of `inputTokens` tokens.
   * @param provider the gateway's name for it. "" looks up a bare model name, which has a price only if it can mean only one maker.
   * @param served how the answer was served, if not in the standard way.
   * @returns `undefined` if no price is known, which does not mean that it costs nothing.
   */
  rates(provider: string, model: string, timeMs: number, inputTokens: number, served?: Served): Rates | undefined;
  /** The price of a model in all its parts, as of a time; `undefined` if none is known. Not for the request path. */
  sheet(provider: string, model: string, timeMs: number): PriceSheet | undefined;
  /** What lists of prices say of a model beside its prices. Not cached. */
  facts(provider: string, model: string): ModelFacts;
  /** Whether the provider's own reports of costs are in dollars, and are believed. */
  reportsDollars(provider: string): boolean;
  /** Size of the model's context in tokens, if it is known. Not cached. */
  contextWindow(provider: string, model: string): number | undefined;
  /** Loads the price data, which takes 20 to 50 ms. Otherwise the first look-up loads it. */
  warm(): void;
}

export interface PriceCatalogueOptions {
  readonly overrides?: PriceOverrides | undefined;
  /** The operator's own list. */
  readonly file?: PriceFile | undefined;
  /** The facts about a provider. If they name no preset, the provider's own name is used as the preset, as in the configuration. */
  readonly describe?: (provider: string) => ProviderFacts | undefined;
  /** Most cached models per provider. */
  readonly maxCachedModels?: number;
  /** The project's list, for tests. */
  readonly list?: ListLookUp;
}

/**
 * One table of prices from these layers, the later ones first: the package `@pydantic/genai-prices`, used as data; the project's list (`price-list.ts`), which has the
 * package's prices where it agrees or is right; the operator's file; the prices of the configuration. Rates are compiled to integers once for each provider and
 * model. Only models whose vendor is known (`vendorOf`) have a price: a local or unknown server has none unless a file or an override sets one. The
 * built-in provider costs nothing.
 * @throws RangeError if an override is not a valid price.
 */
export function createPriceCatalogue(options: PriceCatalogueOptions = {}): PriceCatalogue {
  return new Catalogue(options);
}

const builtin = flatSheet({ input: 0n, output: 0n }, { source: "builtin" });
const standard: Served = {};

/** A model's price, or those of the models that its name has meant. */
interface Found {
  readonly rates: ModelRates;
  /** From these times on, in ascending order, the name means other models. */
  readonly later: readonly { readonly fromMs: number; readonly rates: ModelRates | undefined }[];
  /** The provider serves from a region with its own price. */
  readonly served: Served;
}

class Catalogue implements PriceCatalogue {
  readonly #overrides: ReadonlyMap<string, PriceSheet>;
  readonly #file: PriceFile | undefined;
  readonly #describe: (provider: string) => ProviderFacts | undefined;
  readonly #maxCached: number;
  /** By provider, then by model; `null`: no price. Providers come from the configuration, models also from clients. */
  readonly #cache = new Map<string, Map<string, Found | null>>();
  readonly #dollars = new Map<string, boolean>();
  #find: FindVendor | undefined;
  #list: ListLookUp | undefined;

  constructor(options: PriceCatalogueOptions) {
    this.#overrides = readOverrides(options.overrides ?? {});
    this.#file = options.file;
    this.#describe = options.describe ?? (() => undefined);
    this.#maxCached = options.maxCachedModels ?? 1000;
    this.#list = options.list;
  }

  // Called for each attempt: an options object would be one more for each of them.
  // oxlint-disable-next-line max-params
  rates(provider: string, model: string, timeMs: number, inputTokens: number, served: Served = standard): Rates | undefined {
    let models = this.#cache.get(provider);
    if (models === undefined) {
      models = new Map();
      this.#cache.set(provider, models);
    }
    let found = models.get(model);
    if (found === undefined) {
      found = this.#look(provider, model);
      // Drops the oldest entry. If it is needed again, it is looked up again.
      if (models.size >= this.#maxCached) models.delete(models.keys().next().value!);
      models.set(model, found);
    }
    if (found === null) return undefined;
    const rates = found.later.length === 0 ? found.rates : meantAt(found, timeMs);
    return rates && ratesAt(rates, timeMs, inputTokens, found.served === standard ? served : { ...found.served, ...served });
  }

  sheet(provider: string, model: string, timeMs: number): PriceSheet | undefined {
    const found = this.#look(provider, model);
    return found === null ? undefined : meantAt(found, timeMs)?.sheet;
  }

  facts(provider: string, model: string): ModelFacts {
    return this.#look(provider, model)?.rates.sheet.facts ?? {};
  }

  contextWindow(provider: string, model: string): number | undefined {
    return this.facts(provider, model).contextWindow;
  }

  reportsDollars(provider: string): boolean {
    let known = this.#dollars.get(provider);
    if (known === undefined) {
      known = this.#describe(provider)?.reportsDollars ?? false;
      this.#dollars.set(provider, known);
    }
    return known;
  }

  warm(): void {
    this.#vendors();
    this.#listed();
  }

  #vendors(): FindVendor {
    return (this.#find ??= loadVendors());
  }

  #listed(): ListLookUp {
    return (this.#list ??= openPriceList());
  }

  #look(provider: string, model: string): Found | null {
    const name = model.toLowerCase().trim();
    const override = this.#overrides.get(`${provider.toLowerCase()}/${name}`) ?? this.#overrides.get(name);
    const facts = this.#describe(provider);
    if (override !== undefined && isWholeSheet(override)) return only(override);
    if (model === "") return null;
    if (facts?.builtin ?? provider === "loopback") return only(builtin);
    const found = this.#findPrice(provider, name, facts);
    if (override === undefined || found === null) return found;
    const extend = ({ sheet }: ModelRates): ModelRates => compileSheet(extendSheet(sheet, override));
    const later = found.later.map(({ fromMs, rates }) => ({ fromMs, rates: rates && extend(rates) }));
    return { ...found, later, rates: extend(found.rates) };
  }

  #findPrice(provider: string, name: string, facts: ProviderFacts | undefined): Found | null {
    const find = this.#vendors();
    const vendor = provider === "" ? makerOf(find, name) : vendorOf(find, { ...facts, preset: facts?.preset ?? provider });
    const own = this.#file?.find(provider, vendor?.id, name);
    const served = regionOf(facts);
    if (own !== undefined) return { ...only(own), served: servedFrom(own, served) };
    if (vendor === undefined) return null;
    const aliases = this.#listed().alias(vendor.id, name);
    if (aliases !== undefined) return this.#meanings(vendor.id, aliases);
    const listed = this.#listedSheet(vendor.id, name);
    if (listed !== undefined) return { ...only(this.#withFees(listed)), served: servedFrom(listed, served) };
    const known = findModel(find, vendor, name);
    if (known === undefined) return null;
    const fallback = known.vendor.id === vendor.id ? undefined : this.#listedSheet(known.vendor.id, name);
    const sheet = fallback ?? sheetOfCatalogue(known.model, { source: "catalogue", vendor: known.vendor.id, model: known.model.id });
    return sheet === undefined ? null : only(this.#withFees(sheet));
  }

  /** The fees of the vendor's tools, where the model has none of its own. */
  #withFees(sheet: PriceSheet): PriceSheet {
    const fees = this.#listed().fees(sheet.origin.vendor ?? "");
    if (fees === undefined) return sheet;
    const { units } = cardOf(fees);
    const withOwn = ({ when, bands }: SheetPeriod): SheetPeriod => ({
      ...(when === undefined ? {} : { when }),
      bands: bands.map(({ above, card }) => ({ above, card: { ...card, units: { ...units, ...card.units } } })),
    });
    const { classes = {} } = sheet;
    return {
      ...sheet,
      periods: sheet.periods.map(withOwn),
      classes: Object.fromEntries(Object.entries(classes).map(([tier, periods]) => [tier, periods.map(withOwn)])),
    };
  }

  #listedSheet(vendor: string, name: string): PriceSheet | undefined {
    for (const spelling of [name, withoutDate(name)]) {
      const listed = spelling === undefined ? undefined : this.#listed().model(vendor, spelling);
      if (listed !== undefined) return sheetOfListed(listed, vendor, spelling!);
    }
    return undefined;
  }

  #meanings(vendor: string, aliases: readonly DatedAlias[]): Found | null {
    const all = aliases.map(({ from, model }) => {
      const sheet = this.#listedSheet(vendor, model);
      return { fromMs: from === undefined ? 0 : Date.parse(from), rates: sheet && compileSheet(this.#withFees(sheet)) };
    });
    const first = all[0]?.rates;
    return first === undefined ? null : { rates: first, later: all.slice(1), served: standard };
  }
}

function only(sheet: PriceSheet): Found {
  return { rates: compileSheet(sheet), later: [], served: standard };
}

function meantAt({ rates, later }: Found, timeMs: number): ModelRates | undefined {
  for (let i = later.length - 1; i >= 0; i--) if (timeMs >= later[i]!.fromMs) return later[i]!.rates;
  return rates;
}

/** OpenAI's regional hosts: `eu.api.openai.com`. */
function regionOf(facts: ProviderFacts | undefined): string | undefined {
  for (const url of facts?.baseUrls ?? []) {
    const match = /^https:\/\/(us|eu)\.api\.openai\.com(?:\/|$)/.exec(url);
    if (match !== null) return match[1];
  }
  return undefined;
}

/** Models without a price of that region cost the same there. */
function servedFrom({ regions }: PriceSheet, region: string | undefined): Served {
  return region !== undefined && regions !== undefined && Object.hasOwn(regions, region) ? { region } : standard;
}

/** The package has half a megabyte of data, so it is loaded when it is first needed, not at start. */
function loadVendors(): FindVendor {
  const prices = createRequire(import.meta.url)("@pydantic/genai-prices") as { readonly findProvider: typeof findProvider };
  return (query) => prices.findProvider(query);
}
