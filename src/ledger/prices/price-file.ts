import { existsSync, readFileSync, statSync } from "node:fs";
import type { ModelInfo, Provider } from "@pydantic/genai-prices";
import { sheetOfCatalogue } from "./catalogue-shape.ts";
import { litellmVendors, sheetOfLitellm, type LitellmEntry } from "./litellm-shape.ts";
import { compileSheet, type PriceSheet } from "./price-sheet.ts";
import { findModel, withoutDate } from "./price-vendors.ts";

/** The operator's own list of prices (`prices_file`). */
export interface PriceFile {
  readonly path: string;
  /** The day when the file was last changed. */
  readonly date: string;
  /** Number of models with a price. */
  readonly models: number;
  /** By the gateway's name of a provider, or by the vendor that it is. `name` is in lower case. */
  find(provider: string, vendor: string | undefined, name: string): PriceSheet | undefined;
}

/**
 * Reads a list of prices: an object in the shape of LiteLLM's `model_prices_and_context_window.json`, or a list of providers in that of
 * `@pydantic/genai-prices` (`prices/data.json`).
 * @throws RangeError that names the entry which is not a price; SyntaxError; what reading the file throws.
 */
export function readPriceFile(path: string): PriceFile {
  if (!existsSync(path)) throw new RangeError(`there is no file ${path}`);
  const date = statSync(path).mtime.toISOString().slice(0, 10);
  const wire: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (Array.isArray(wire)) return fileOfProviders(path, date, wire as readonly Provider[]);
  if (typeof wire === "object" && wire !== null) return fileOfEntries(path, date, wire as Readonly<Record<string, LitellmEntry>>);
  throw new RangeError(
    `${path} is neither an object of models (the shape of LiteLLM) nor a list of providers (the shape of genai-prices).`,
  );
}

function fileOfEntries(path: string, date: string, entries: Readonly<Record<string, LitellmEntry>>): PriceFile {
  const byVendor = new Map<string, Map<string, PriceSheet>>();
  let models = 0;
  for (const [key, entry] of Object.entries(entries)) {
    if (key === "sample_spec" || typeof entry !== "object" || entry === null) continue;
    const named = entry["litellm_provider"];
    const provider = typeof named === "string" ? named : /^[^/]+(?=\/)/.exec(key)?.[0];
    const sheet = provider === undefined ? undefined : readEntry(path, key, entry, provider);
    if (provider === undefined || sheet === undefined) continue;
    const vendor = vendorOfLitellm(provider);
    const ofVendor = byVendor.get(vendor) ?? new Map<string, PriceSheet>();
    byVendor.set(vendor, ofVendor);
    const short = key.toLowerCase().startsWith(`${provider.toLowerCase()}/`) ? key.slice(provider.length + 1) : key;
    ofVendor.set(short.toLowerCase(), sheet);
    models += 1;
  }
  return {
    path,
    date,
    models,
    find(provider, vendor, name) {
      const ofVendor = byVendor.get(provider.toLowerCase()) ?? (vendor === undefined ? undefined : byVendor.get(vendor));
      return ofVendor?.get(name) ?? ofVendor?.get(withoutDate(name) ?? name);
    },
  };
}

function readEntry(path: string, key: string, entry: LitellmEntry, provider: string): PriceSheet | undefined {
  try {
    const sheet = sheetOfLitellm(entry, { source: "file", vendor: vendorOfLitellm(provider), model: key });
    // Compiled once at load, so that an invalid condition is found then.
    if (sheet !== undefined) compileSheet(sheet);
    return sheet;
  } catch (error) {
    throw new RangeError(`${path}: "${key}": ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function vendorOfLitellm(provider: string): string {
  const name = provider.toLowerCase();
  return Object.hasOwn(litellmVendors, name) ? litellmVendors[name]! : name;
}

function fileOfProviders(path: string, date: string, providers: readonly Provider[]): PriceFile {
  const byId = new Map<string, Provider>();
  for (const [index, provider] of providers.entries()) {
    if (typeof provider?.id !== "string" || !Array.isArray(provider.models))
      throw new RangeError(`${path}: the provider at position ${index} has no id or no models.`);
    for (const model of provider.models) checkModel(path, provider.id, model);
    byId.set(provider.id, provider);
  }
  const find = ({ providerId = "" }: { providerId?: string }): Provider | undefined => byId.get(providerId);
  return {
    path,
    date,
    models: providers.reduce((sum, { models }) => sum + models.length, 0),
    find(name, vendor, model) {
      const provider = byId.get(name) ?? byId.get(vendor ?? "");
      const found = provider && findModel(find, provider, model);
      return found && sheetOfCatalogue(found.model, { source: "file", vendor: found.vendor.id, model: found.model.id });
    },
  };
}

function checkModel(path: string, provider: string, model: ModelInfo): void {
  try {
    const sheet = sheetOfCatalogue(model, { source: "file", vendor: provider, model: model.id });
    if (sheet !== undefined) compileSheet(sheet);
  } catch (error) {
    throw new RangeError(`${path}: "${provider}/${model.id}": ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
