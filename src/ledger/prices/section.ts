import * as z from "zod";
import { leaf, path, usdRate } from "../../settings/index.ts";
import { rateNames, type RateName } from "./price-overrides.ts";

const perMillion = "US dollars a million tokens";
const each = "US dollars each";

/** What each rate is for. */
const descriptions: Readonly<Record<RateName, string>> = {
  input: `Input, ${perMillion}.`,
  output: `Output, ${perMillion}.`,
  cache_read: `Input read from the provider's cache, ${perMillion}.`,
  cache_write_5m: `Input written to a cache for the short lifetime (5 minutes, at OpenAI 30), ${perMillion}.`,
  cache_write_1h: `Input written to a cache for an hour, ${perMillion}.`,
  reasoning: `Reasoning, if it costs other than output, ${perMillion}.`,
  per_request: `A fee for each request, ${each}.`,
  minimum: "The least that a request costs, US dollars.",
  input_audio: `Sound in the input, ${perMillion}.`,
  input_image: `Pictures in the input, ${perMillion}.`,
  input_video: `Videos in the input, ${perMillion}.`,
  cache_read_audio: `Sound read from a cache, ${perMillion}.`,
  cache_read_image: `Pictures read from a cache, ${perMillion}.`,
  cache_read_video: `Videos read from a cache, ${perMillion}.`,
  output_audio: `Sound in the output, ${perMillion}.`,
  output_image: `Pictures in the output, ${perMillion}.`,
  output_video: `Videos in the output, ${perMillion}.`,
  cache_write_30m: `Input written to a cache for 30 minutes, ${perMillion}.`,
  cache_write_12h: `Input written to a cache for 12 hours, ${perMillion}.`,
  cache_write_24h: `Input written to a cache for 24 hours, ${perMillion}.`,
  cache_storage:
    "A context cache that the gateway has made at the provider, US dollars a million tokens and hour. Without it, none is made.",
  web_search: `Searches of the web, ${each}.`,
  grounded_prompt: `Requests with at least one search of the web, ${each}.`,
  page_fetch: `Pages that the provider fetches, ${each}.`,
  file_search: `Searches of files, ${each}.`,
  code_session: `Containers that run code, ${each}.`,
  maps_search: `Searches of maps, ${each}.`,
  image: `Pictures that are made, if no tokens are counted for them, ${each}.`,
  input_seconds: `Seconds of sound in the input, if no tokens are counted for them, ${each}.`,
  output_seconds: `Seconds of sound or video that are made, ${each}.`,
};

const rates = Object.fromEntries(rateNames.map((name) => [name, usdRate(descriptions[name]).optional()])) as Record<
  RateName,
  z.ZodOptional<ReturnType<typeof usdRate>>
>;
const above = z
  .record(z.string().regex(/^[1-9]\d{0,9}$/), z.strictObject(rates))
  .describe("Rates of prompts of more than this number of tokens, for all of their tokens: { 200000: { input: 6 } }.")
  .optional();

function isPriced({ input, output }: { readonly input?: string | undefined; readonly output?: string | undefined }): boolean {
  return input !== undefined || output !== undefined;
}

function classPrices(description: string) {
  return z
    .strictObject({ ...rates, above })
    .refine(isPriced)
    .describe(description)
    .optional();
}

const time = z.string().regex(/^(?:[01]\d|2[0-4]):[0-5]\d$/);
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const times = z
  .array(
    z.strictObject({
      ...rates,
      above,
      from: day.describe("The first day, UTC.").optional(),
      until: day.describe("The first day on which it does not hold any more.").optional(),
      weekdays: z.array(z.int().min(1).max(7)).describe("1 is Monday, 7 Sunday.").optional(),
      hours: z
        .array(z.tuple([time, time]))
        .describe('Times of the day, UTC: [["01:00", "04:00"]].')
        .optional(),
    }),
  )
  .describe("Rates at some times; the last one that holds is used, and what it omits is as at others.")
  .optional();
const factor = z.union([z.number().min(0).max(1000), z.string().regex(/^\d{1,3}(?:\.\d{1,3})?$/)]).transform(String);
const factors = (description: string) => z.record(z.string().min(1), factor).describe(description).optional();

const price = z
  .strictObject({
    ...rates,
    above,
    batch: classPrices("The same for batches (service_tier: batch)."),
    flex: classPrices("The same for flexible processing (service_tier: flex)."),
    priority: classPrices("The same for priority processing (service_tier: priority)."),
    ultrafast: classPrices("The same for the fastest processing (service_tier: ultrafast)."),
    times,
    speeds: factors("Factors on the rates of tokens by the speed that an answer reports: { fast: 2 }."),
    regions: factors("Factors on the rates of tokens by the region that an answer reports: { us: 1.1 }."),
    context_window: z.int().min(1).describe("The size of the model's context, in tokens.").optional(),
  })
  .refine((all) => Object.values(all).some((value) => value !== undefined));

export const pricesSchema = leaf(z.record(z.string().min(1), price), {
  kind: "json",
  description:
    "Prices by model or provider/model, over those of prices_file and of the lists that come with the program. One with input or output replaces theirs, one without adds to it.",
  allowed:
    "rates such as input, output, cache_read, input_audio and web_search: US dollars a million tokens, or each, as in 0.25, at most nine decimals; the same again under above, batch, flex, priority, ultrafast and times; factors under speeds and regions (docs/prices.md has all)",
}).prefault({});

export const pricesFileSchema = path(
  "A list of prices of your own, over the lists that come with the program: in the form of LiteLLM's model_prices_and_context_window.json, or of the data of genai-prices. It is read at the start and when the configuration is read again.",
).optional();
