import * as z from "zod";
import { leaf, usdRate } from "../../settings/index.ts";

const tokenPrices = {
  input: usdRate("Input, US dollars a million tokens.").optional(),
  output: usdRate("Output, US dollars a million tokens.").optional(),
  cache_read: usdRate("Input read from the provider's cache, US dollars a million tokens.").optional(),
  cache_write_5m: usdRate("Input written to a cache for 5 minutes, US dollars a million tokens.").optional(),
  cache_write_1h: usdRate("Input written to a cache for an hour, US dollars a million tokens.").optional(),
};

function isPriced({ input, output }: { readonly input?: string | undefined; readonly output?: string | undefined }): boolean {
  return input !== undefined || output !== undefined;
}

function tierPrices(description: string) {
  return z.strictObject(tokenPrices).refine(isPriced).describe(description).optional();
}

const price = z
  .strictObject({
    ...tokenPrices,
    batch: tierPrices("The same for batches (service_tier: batch)."),
    flex: tierPrices("The same for flexible processing (service_tier: flex)."),
    priority: tierPrices("The same for priority processing (service_tier: priority)."),
  })
  .refine(isPriced);

export const pricesSchema = leaf(z.record(z.string().min(1), price), {
  kind: "json",
  description: "Prices that replace the catalogue's, by model or provider/model.",
  allowed:
    "input or output, and cache_read, cache_write_5m, cache_write_1h: US dollars a million tokens, as in 0.25, at most nine decimals; and the same again under batch, flex or priority",
}).prefault({});
