import { utcZone, type Clock } from "../core/index.ts";
import type { Store } from "../store/index.ts";
import { describePrice, type ShownPrice } from "./prices/describe-price.ts";
import type { PriceCatalogue } from "./prices/price-catalogue.ts";
import type { PriceFile } from "./prices/price-file.ts";
import type { PriceList } from "./prices/price-list.ts";
import { repriceEntries, type RepriceResult } from "./reprice.ts";
import { readSums } from "./reports/report-query.ts";

/** Where a model is served. */
export interface PricedTarget {
  readonly provider: string;
  readonly upstreamModel: string;
}

export interface PriceAdminOptions {
  readonly store: Store;
  readonly prices: () => PriceCatalogue;
  readonly list: () => PriceList;
  readonly file: () => PriceFile | undefined;
  /** Where requests for a model go. */
  readonly targets: (model: string) => readonly PricedTarget[];
  readonly clock: Clock;
}

/** A model's price at each of its targets. */
export interface ModelPrices {
  readonly model: string;
  readonly as_of: string;
  readonly prices: readonly { readonly provider: string; readonly model: string; readonly price: ShownPrice | null }[];
}

export interface PriceSources {
  readonly sources: readonly {
    readonly name: string;
    readonly title: string;
    readonly version: string;
    readonly date: string;
    readonly models: number;
  }[];
}

export interface PriceProblem {
  readonly provider: string;
  readonly model: string;
  readonly attempts: number;
  readonly problem: "unpriced" | "stale" | "disagreeing";
  readonly detail: string;
}

/** What people ask of prices. */
export interface PriceAdmin {
  sources(): PriceSources;
  /** @param timeMs the time whose prices are shown. */
  show(model: string, timeMs: number): ModelPrices;
  /** Models that were used in the last 30 days and have no price, an old one, or one that two sources disagree about. */
  check(): Promise<readonly PriceProblem[]>;
  /** Reckons the costs of entries of this time anew; see `repriceEntries`. */
  reprice(fromMs: number, toMs: number, isDryRun: boolean): Promise<RepriceResult>;
}

const dayMs = 86_400_000;
/** How long a model counts as used. */
const usedMs = 30 * dayMs;
/** A price that was read longer ago is stale. */
const freshMs = 120 * dayMs;

export function createPriceAdmin({ store, prices, list, file, targets, clock }: PriceAdminOptions): PriceAdmin {
  return {
    sources() {
      const { sources, vendors } = list();
      const counts = new Map<string, number>();
      for (const models of Object.values(vendors))
        for (const { source } of Object.values(models)) counts.set(source, (counts.get(source) ?? 0) + 1);
      const own = file();
      return {
        sources: [
          ...Object.entries(sources).map(([name, { title, version, date }]) => ({
            name,
            title,
            version,
            date,
            models: counts.get(name) ?? 0,
          })),
          ...(own === undefined ? [] : [{ name: "file", title: own.path, version: "", date: own.date, models: own.models }]),
        ],
      };
    },
    show(model, timeMs) {
      const shown = (provider: string, upstreamModel: string): ModelPrices["prices"][number] => {
        const sheet = prices().sheet(provider, upstreamModel, timeMs);
        return { provider, model: upstreamModel, price: sheet === undefined ? null : dated(describePrice(sheet, timeMs), list()) };
      };
      const served = targets(model).map(({ provider, upstreamModel }) => shown(provider, upstreamModel));
      // That of its maker, if no provider serves it.
      const listed = served.length > 0 ? served : [shown("", model)].filter(({ price }) => price !== null);
      return { model, as_of: new Date(timeMs).toISOString(), prices: listed };
    },
    async check() {
      const used = await readSums(store, { groupBy: ["provider", "model"], zone: utcZone, fromMs: clock.now() - usedMs });
      return used.flatMap(({ values: [provider = "", model = ""], sums }) => {
        const found = { provider, model, attempts: sums.attempts };
        if (provider === "" || sums.attempts === 0) return [];
        return problemsOf(found, { prices: prices(), list: list(), unpriced: sums.unpriced, nowMs: clock.now() });
      });
    },
    reprice: (fromMs, toMs, isDryRun) => repriceEntries({ store, prices: prices() }, { fromMs, toMs, isDryRun }),
  };
}

/** A price of the catalogue is as old as the catalogue. */
function dated(price: ShownPrice, { sources }: PriceList): ShownPrice {
  return { ...price, date: price.date ?? sources[price.source]?.date ?? null };
}

interface Checked {
  readonly prices: PriceCatalogue;
  readonly list: PriceList;
  readonly unpriced: number;
  readonly nowMs: number;
}

function problemsOf(
  used: Pick<PriceProblem, "provider" | "model" | "attempts">,
  { prices, list, unpriced, nowMs }: Checked,
): PriceProblem[] {
  const problems: PriceProblem[] = [];
  const add = (problem: PriceProblem["problem"], detail: string): void => {
    problems.push({ ...used, problem, detail });
  };
  const sheet = prices.sheet(used.provider, used.model, nowMs);
  if (sheet === undefined) {
    if (unpriced > 0) add("unpriced", "no source has a price: set one under prices");
    return problems;
  }
  if (unpriced > 0)
    add("unpriced", `${unpriced} attempts have a class, a count or a condition without a rate: tokligence usage --entries shows them`);
  const { date, vendor, model } = sheet.origin;
  if (date !== undefined && nowMs - Date.parse(date) > freshMs) add("stale", `read on ${date} (${sheet.origin.source})`);
  const other = list.disagreements.find((each) => each.vendor === vendor && each.model === model);
  if (other !== undefined) add("disagreeing", `catalogue: ${other.catalogue}; list: ${other.list}; used: ${other.used}, ${other.reason}`);
  return problems;
}
