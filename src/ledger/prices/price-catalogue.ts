import { createRequire } from "node:module";
import type { findProvider } from "@pydantic/genai-prices";
import type { ServiceTier } from "../../ir/index.ts";
import { compileOverrides, type PriceOverrides } from "./price-overrides.ts";
import { compileModel, flatRates, ratesAt, type ModelRates } from "./price-compile.ts";
import { findModel, makerOf, vendorOf, type FindVendor, type ProviderFacts } from "./price-vendors.ts";
import { compileRates, type Rates } from "./rates.ts";

/** What models cost. Does not change: configuration that changes makes a new one. */
export interface PriceCatalogue {
  /**
   * The rates in force for a provider's model at a time, for a prompt of so many tokens.
   * @param provider the gateway's name for it; "" asks for a bare model name, which is answered where only one maker can be meant.
   * @param tier another class of service than the standard one: only configuration has prices for those.
   * @returns `undefined` where no price is known, which does not mean that it costs nothing.
   */
  rates(provider: string, model: string, timeMs: number, inputTokens: number, tier?: ServiceTier): Rates | undefined;
  /** Tokens that the model's context holds, where the catalogue has it. Looked up anew each time. */
  contextWindow(provider: string, model: string): number | undefined;
  /** Loads the price data, 20 to 50 ms, which else the first question does. */
  warm(): void;
}

export interface PriceCatalogueOptions {
  readonly overrides?: PriceOverrides | undefined;
  /** What is known of a provider. Where that names no preset, the provider's own name is taken for it, as in configuration. */
  readonly describe?: (provider: string) => ProviderFacts | undefined;
  /** Answers kept for each provider. */
  readonly maxCachedModels?: number;
}

/**
 * Prices of the package `@pydantic/genai-prices`, as data, beneath those of configuration. Rates are compiled to integers once for each provider and
 * model. Only those are priced whose vendor is known (`vendorOf`): a local or unknown server has no price unless an override gives it one.
 * The built-in provider costs nothing.
 * @throws RangeError where an override is no price.
 */
export function createPriceCatalogue(options: PriceCatalogueOptions = {}): PriceCatalogue {
  return new Catalogue(options);
}

const builtinRates = flatRates(compileRates({ input: 0n, output: 0n }, { source: "builtin" }));

class Catalogue implements PriceCatalogue {
  readonly #overrides: ReadonlyMap<string, ModelRates>;
  readonly #describe: (provider: string) => ProviderFacts | undefined;
  readonly #maxCached: number;
  /** By provider, then by model; `null`: no price. Providers come from configuration, models from anywhere. */
  readonly #cache = new Map<string, Map<string, ModelRates | null>>();
  #find: FindVendor | undefined;

  constructor(options: PriceCatalogueOptions) {
    this.#overrides = compileOverrides(options.overrides ?? {});
    this.#describe = options.describe ?? (() => undefined);
    this.#maxCached = options.maxCachedModels ?? 1000;
  }

  // Each is needed, and none belongs to another: an object would only give the same names again.
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
      // The oldest answer makes room: asked for again, it is found again.
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

/** The package is half a megabyte of data, so it is read when first needed, not at start. */
function loadVendors(): FindVendor {
  const prices = createRequire(import.meta.url)("@pydantic/genai-prices") as { readonly findProvider: typeof findProvider };
  return (query) => prices.findProvider(query);
}
