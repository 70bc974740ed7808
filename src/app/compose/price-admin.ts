import type { Clock } from "../../core/index.ts";
import { createPriceAdmin, readPriceFile, readPriceList, type PriceAdmin } from "../../ledger/index.ts";
import type { Store } from "../../store/index.ts";
import type { Settings } from "../config/index.ts";
import type { Snapshot } from "./snapshot.ts";

/** What people ask of prices, answered from the configuration in use. */
export function composePriceAdmin(
  store: Store,
  current: () => { readonly snapshot: Pick<Snapshot, "prices" | "catalog">; readonly settings: Settings },
  clock: Clock,
): PriceAdmin {
  return createPriceAdmin({
    store,
    clock,
    prices: () => current().snapshot.prices,
    list: readPriceList,
    file: () => {
      const { pricesFile } = current().settings;
      return pricesFile === undefined ? undefined : readPriceFile(pricesFile);
    },
    targets: (model) => current().snapshot.catalog.resolve(model).targets,
  });
}
