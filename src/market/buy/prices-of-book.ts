import { formatRate, type PriceOverrides } from "../../ledger/index.ts";
import type { Book } from "./book.ts";

/** What others ask for their models, as prices of the configuration: at an exchange the highest that is paid. */
export function pricesOf(book: Book): PriceOverrides {
  const entries = book.providers().flatMap(({ name, models }) =>
    models.flatMap((model) => {
      const price = book.price(name, model);
      if (price === undefined) return [];
      const rates = { input: rateText(price.input), output: rateText(price.output), cache_read: rateText(price.cache_read) };
      return [[`${name}/${model}`, rates] as const];
    }),
  );
  return Object.fromEntries(entries);
}

function rateText(femto: string): string {
  return formatRate(BigInt(femto));
}
