import { createRequire } from "node:module";
import type { findProvider } from "@pydantic/genai-prices";
import type { ServiceTier } from "../../ir/index.ts";
import { compileOverrides, type PriceOverrides } from "./price-overrides.ts";
import { compileModel, flatRates, ratesAt, type ModelRates } from "./price-compile.ts";
import { findModel, makerOf, vendorOf, type FindVendor, type ProviderFacts } from "./price-vendors.ts";
import { compileRates, type Rates } from "./rates.ts";

/** The prices of models. Immutable: a changed configuration makes a new one. */
export interface PriceCatalogue {
  /**
   * The rates for a provider's model at a time, for a prompt of `inputTokens` tokens.
   * @param provider the gateway's name for it. "" looks up a bare model name, which has a price only if it can mean only one maker.
   * @param tier another class of service than the standard one: only the configuration has prices for those.
   * @returns `undefined` if no price is known, which does not mean that it costs nothing.
   */
  rates(provider: string, model: string, timeMs: number, inputTokens: number, tier?: ServiceTier): Rates | undefined;
  /** Size of the model's context in tokens, if the catalogue has it. Not cached. */
  contextWindow(provider: string, model: string): number | undefined;
  /** Loads the price data, which takes 20 to 50 ms. Otherwise the first look-up loads it. */
  warm(): void;
}

export interface PriceCatalogueOptions {
  readonly overrides?: PriceOverrides | undefined;
  /** The facts about a provider. If they name no preset, the provider's own name is used as the preset, as in the configuration. */
  readonly describe?: (provider: string) => ProviderFacts | undefined;
  /** Most cached models per provider. */
  readonly maxCachedModels?: number;
}

/**
 * The prices of the package `@pydantic/genai-prices`, used as data; prices of the configuration take precedence. Rates are compiled to integers once
 * for each provider and model. Only models whose vendor is known (`vendorOf`) have a price: a local or unknown server has none unless an override
 * sets one. The built-in provider costs nothing.
 * @throws RangeError if an override is not a valid price.
 */
export function createPriceCatalogue(options: PriceCatalogueOptions = {}): PriceCatalogue {
  return new Catalogue(options);
}

const builtinRates = flatRates(compileRates({ input: 0n, output: 0n }, { source: "builtin" }));

class Catalogue implements PriceCatalogue {
  readonly #overrides: ReadonlyMap<string, ModelRates>;
  readonly #describe: (provider: string) => ProviderFacts | undefined;
  readonly #maxCached: number;
  /** By provider, then by model; `null`: no price. Providers come from the configuration, models also from clients. */
  readonly #cache = new Map<string, Map<string, ModelRates | null>>();
  #find: FindVendor | undefined;

  constructor(options: PriceCatalogueOptions) {
    this.#overrides = compileOverrides(options.overrides ?? {});
    this.#describe = options.describe ?? (() => undefined);
    this.#maxCached = options.maxCachedModels ?? 1000;
  }

  // Called for each attempt: an options object would be one more for each of them.
  // oxlint-disable-next-line max-params
  rates(provider: string, model: string, timeMs: number, inputTokens: number, tier?: ServiceTier): Rates | undefined {
    let models = this.#cache.get(provider);
    if (models === undefined) {
      models = new Map();
      this.#cache.set(provider, models);
    }
    let found = models.get(model);
    if (found === undefined) {
      found = this.#look(provider, model) ?? null;
      // Drops the oldest entry. If it is needed again, it is looked up again.
      if (models.size >= this.#maxCached) models.delete(models.keys().next().value!);
      models.set(model, found);
    }
    return found === null ? undefined : ratesAt(found, timeMs, inputTokens, tier);
  }

  contextWindow(provider: string, model: string): number | undefined {
    return this.#findModel(provider, model, this.#describe(provider))?.model.context_window;
  }

  warm(): void {
    this.#find ??= loadVendors();
  }

  #look(provider: string, model: string): ModelRates | undefined {
    const name = model.toLowerCase();
    const override = this.#overrides.get(`${provider.toLowerCase()}/${name}`) ?? this.#overrides.get(name);
    if (override !== undefined) return override;
    if (model === "") return undefined;
    const facts = this.#describe(provider);
    if (facts?.builtin ?? provider === "loopback") return builtinRates;
    const found = this.#findModel(provider, model, facts);
    return found && compileModel(found.vendor.id, found.model);
  }

  #findModel(provider: string, model: string, facts: ProviderFacts | undefined): ReturnType<typeof findModel> {
    this.#find ??= loadVendors();
    const vendor = provider === "" ? makerOf(this.#find, model) : vendorOf(this.#find, { ...facts, preset: facts?.preset ?? provider });
    return vendor && findModel(this.#find, vendor, model);
  }
}

/** The package has half a megabyte of data, so it is loaded when it is first needed, not at start. */
function loadVendors(): FindVendor {
  const prices = createRequire(import.meta.url)("@pydantic/genai-prices") as { readonly findProvider: typeof findProvider };
  return (query) => prices.findProvider(query);
}
