import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import type { findProvider, Provider } from "@pydantic/genai-prices";
import { formatRate } from "../../src/ledger/money.ts";
import { sheetOfCatalogue } from "../../src/ledger/prices/catalogue-shape.ts";
import { litellmVendors, sheetOfLitellm, type LitellmEntry } from "../../src/ledger/prices/litellm-shape.ts";
import type { Disagreement, ListedModel, PriceList } from "../../src/ledger/prices/price-list.ts";
import { extendCard, type PriceSheet, type SheetBand } from "../../src/ledger/prices/price-sheet.ts";
import { findModel } from "../../src/ledger/prices/price-vendors.ts";
import type { RateCard } from "../../src/ledger/prices/rates.ts";
import { aliases, decisions, sameClasses, storageRates, undecided, vendorFees, vendorPrices } from "./decisions.ts";
import { listedOf } from "./listed.ts";

/*
 * Makes src/ledger/prices/price-list.json from the package `@pydantic/genai-prices` and LiteLLM's list, whose figures are facts (the project is under the MIT
 * licence). The list travels in the Python package `litellm`:
 *
 *   pip download litellm --no-deps && unzip litellm-*.whl 'litellm/model_prices_and_context_window_backup.json'
 *   node scripts/prices/build.ts --list litellm/model_prices_and_context_window_backup.json --version 1.110.2 --date 2026-11-28
 *
 * Then `npm run docs` writes docs/prices.md anew.
 */
const { values } = parseArgs({ options: { list: { type: "string" }, version: { type: "string" }, date: { type: "string" } } });
const { list: path, version, date } = values;
if (path === undefined || version === undefined || date === undefined) throw new Error("--list PATH --version VERSION --date YYYY-MM-DD");

const require = createRequire(import.meta.url);
const catalogue = require("@pydantic/genai-prices") as { readonly findProvider: typeof findProvider };
const find = (query: { providerId?: string }): Provider | undefined => catalogue.findProvider(query);
const entries = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, LitellmEntry>>;
const modes: ReadonlySet<unknown> = new Set(["chat", "responses", "completion", "embedding", "image_generation", "audio_speech"]);
const disagreements: Disagreement[] = [];
const vendors: Record<string, Record<string, ListedModel>> = {};

for (const [key, entry] of Object.entries(entries)) {
  const named = String(entry["litellm_provider"]);
  const vendor = litellmVendors[named];
  if (vendor === undefined || vendor === "aws" || !modes.has(entry["mode"])) continue;
  const name = nameOf(key.toLowerCase(), named);
  const models = (vendors[vendor] ??= {});
  // Azure's first list has more than its second; the bare name of Gemini's models is that of another service.
  if (name === undefined || models[name] !== undefined) continue;
  const sheet = sheetOfLitellm(entry, { source: "list", vendor, model: name });
  if (sheet === undefined || isEmpty(sheet)) continue;
  models[name] = merge(vendor, name, sheet);
}
for (const [vendor, models] of Object.entries(vendorPrices)) vendors[vendor] = { ...vendors[vendor], ...models };
for (const [vendor, rates] of Object.entries(storageRates))
  for (const [name, dated] of Object.entries(rates)) vendors[vendor]![name] = withStorage(vendors[vendor]![name]!, dated);
for (const [vendor, names] of Object.entries(aliases)) for (const { model } of Object.values(names).flat()) addFromCatalogue(vendor, model);

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly dependencies: Readonly<Record<string, string>>;
};
const packageVersion = manifest.dependencies["@pydantic/genai-prices"]!;
const list: PriceList = {
  sources: {
    catalogue: { title: "@pydantic/genai-prices", version: packageVersion, date },
    litellm: { title: "LiteLLM, model_prices_and_context_window.json", version, date },
    vendor: { title: "the vendor's own page", version: "", date },
  },
  fees: vendorFees,
  vendors: sorted(vendors),
  aliases,
  disagreements: disagreements.toSorted((a, b) => (`${a.vendor}/${a.model}` < `${b.vendor}/${b.model}` ? -1 : 1)),
};
writeFileSync(new URL("../../src/ledger/prices/price-list.json", import.meta.url), print(list));

/** The name on the wire; `undefined` if the key is no name of the vendor's own. */
function nameOf(key: string, provider: string): string | undefined {
  const own = key.startsWith(`${provider}/`);
  if (provider === "gemini" && !own) return undefined;
  const name = own ? key.slice(provider.length + 1) : key;
  const hasPlace = (provider.startsWith("azure") || provider === "perplexity" || provider === "openai") && name.includes("/");
  return hasPlace ? undefined : name;
}

/** Lists put 0 where they know no price. */
function isEmpty({ periods }: PriceSheet): boolean {
  const { input = 0n, output = 0n, units, request = 0n } = periods[0]!.bands[0]!.card;
  return input === 0n && output === 0n && request === 0n && units === undefined;
}

/** The catalogue's price with what the list has beyond it, or the list's where that is right. */
function merge(vendor: string, name: string, listed: PriceSheet): ListedModel {
  const found = findModel(find, find({ providerId: vendor })!, name);
  const known = found && sheetOfCatalogue(found.model, { source: "catalogue", vendor, model: name });
  const own = withSearchFee(vendor, name, withClasses(vendor, listed));
  if (found === undefined || known === undefined) return listedOf(own, "litellm", date!);
  const [theirs, ours] = [baseOf(known), baseOf(own)];
  const differences = differencesOf(theirs, ours);
  const facts = { ...own.facts, ...known.facts };
  if (differences.length === 0) {
    const periods = known.periods.map((period) => ({ ...period, bands: period.bands.map((band) => extendBand(band, ours)) }));
    return listedOf({ ...own, periods: own.periods.length > 1 ? own.periods : periods, facts }, "catalogue", date!);
  }
  const decision = decisions.find(({ pattern }) => pattern.test(`${vendor}/${name}`)) ?? undecided;
  const shown = (place: 1 | 2): string => differences.map((difference) => `${difference[0]} ${difference[place]}`).join(", ");
  disagreements.push({ vendor, model: name, catalogue: shown(1), list: shown(2), used: decision.used, reason: decision.reason });
  if (decision.used === "list") return listedOf({ ...own, facts }, "litellm", date!);
  // Its other classes belong to another standard price.
  const { classes: _classes, ...rest } = own;
  return listedOf({ ...rest, periods: known.periods, facts }, "catalogue", date!);
}

function addFromCatalogue(vendor: string, name: string): void {
  const models = (vendors[vendor] ??= {});
  if (models[name] !== undefined) return;
  const found = findModel(find, find({ providerId: vendor })!, name);
  const sheet = found && sheetOfCatalogue(found.model, { source: "catalogue", vendor, model: name });
  if (sheet === undefined) throw new Error(`No source has a price for ${vendor}/${name}, which an alias means.`);
  models[name] = listedOf(sheet, "catalogue", date!);
}

/** The bands that hold on the day of the list, at no special time of the day. */
function baseOf({ periods }: PriceSheet): readonly SheetBand[] {
  return (periods.findLast(({ when }) => when === undefined || (when.hours === undefined && (when.from ?? "") <= date!)) ?? periods[0]!)
    .bands;
}

function differencesOf(theirs: readonly SheetBand[], ours: readonly SheetBand[]): readonly (readonly [string, string, string])[] {
  const names = ["input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h"] as const satisfies readonly (keyof RateCard)[];
  const found = names.flatMap((name): readonly (readonly [string, string, string])[] => {
    const [a, b] = [theirs[0]!.card[name], ours[0]!.card[name]];
    // Lists round to some digits.
    const isSame = a === undefined || b === undefined || (b * 1000n <= a * 1001n && b * 1000n >= a * 999n);
    return isSame ? [] : [[name, formatRate(a), formatRate(b)]];
  });
  const starts = (bands: readonly SheetBand[]): string => bands.map(({ above }) => above).join(", ");
  const isAligned = theirs.length === ours.length && theirs.every(({ above }, place) => Math.abs(above - ours[place]!.above) <= 1);
  return isAligned ? found : [...found, ["above", starts(theirs), starts(ours)]];
}

function extendBand({ above, card }: SheetBand, more: readonly SheetBand[]): SheetBand {
  const same = more.find((band) => Math.abs(band.above - above) <= 1);
  return { above, card: same === undefined ? card : extendCard(same.card, card) };
}

function withClasses(vendor: string, sheet: PriceSheet): PriceSheet {
  const same = sameClasses[vendor];
  return same === undefined
    ? sheet
    : { ...sheet, classes: { ...sheet.classes, ...Object.fromEntries(same.map((tier) => [tier, sheet.periods])) } };
}

/** The rate of a context cache at the time of each period of the standard class: requests of other classes are not kept. */
function withStorage(model: ListedModel, dated: readonly { readonly from?: string; readonly rate: number }[]): ListedModel {
  const rateAt = (from = ""): number => dated.findLast((each) => (each.from ?? "") <= from)!.rate;
  return {
    ...model,
    periods: model.periods.map((period) => ({
      ...period,
      bands: period.bands.map(([above, rates]) => [above, { ...rates, cache_storage: rateAt(period.when?.from) }] as const),
    })),
  };
}

/** OpenAI's models that search before each answer report no searches: the fee is one of each request. */
function withSearchFee(vendor: string, name: string, sheet: PriceSheet): PriceSheet {
  if (vendor !== "openai" || !name.includes("-search-")) return sheet;
  return {
    ...sheet,
    periods: sheet.periods.map((period) => ({
      ...period,
      bands: period.bands.map(({ above, card: { units, ...card } }) => ({
        above,
        card: { ...card, ...(units?.web_search === undefined ? {} : { request: units.web_search }) },
      })),
    })),
  };
}

function sorted<Value>(object: Readonly<Record<string, Readonly<Record<string, Value>>>>): Record<string, Record<string, Value>> {
  const inOrder = <T>(some: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(some).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return Object.fromEntries(Object.entries(inOrder(object)).map(([vendor, models]) => [vendor, inOrder(models)]));
}

/** One model a line, so that a change can be reviewed. */
function print(all: PriceList): string {
  const block = (object: object, indent: string): string => {
    const lines = Object.entries(object).map(([key, value]) => `${indent}  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
    return `{\n${lines.join(",\n")}\n${indent}}`;
  };
  const groups = Object.entries(all.vendors).map(([vendor, models]) => `    ${JSON.stringify(vendor)}: ${block(models, "    ")}`);
  const parts = [
    `  "sources": ${block(all.sources, "  ")}`,
    `  "fees": ${block(all.fees, "  ")}`,
    `  "aliases": ${block(all.aliases, "  ")}`,
    `  "vendors": {\n${groups.join(",\n")}\n  }`,
    `  "disagreements": [\n${all.disagreements.map((each) => `    ${JSON.stringify(each)}`).join(",\n")}\n  ]`,
  ];
  return `{\n${parts.join(",\n")}\n}\n`;
}
