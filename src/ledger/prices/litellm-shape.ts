import { rateOfDollars, type FemtoUsd } from "../money.ts";
import type { ServiceTier } from "../../ir/index.ts";
import type { ModelFacts, PriceSheet, SheetBand, SheetPeriod } from "./price-sheet.ts";
import type { When } from "./price-when.ts";
import type { RateCard, RatedUnit } from "./rates.ts";

/**
 * A model in the shape of LiteLLM's `model_prices_and_context_window.json`: dollars per token, per call or per second, with names such as
 * `cache_read_input_token_cost_above_272k_tokens_priority`.
 */
export type LitellmEntry = Readonly<Record<string, unknown>>;

/** The vendors of this gateway (ids of the catalogue) by the names that LiteLLM has for them. */
export const litellmVendors: Readonly<Record<string, string>> = {
  openai: "openai",
  "text-completion-openai": "openai",
  anthropic: "anthropic",
  gemini: "google",
  azure: "azure",
  azure_ai: "azure",
  bedrock: "aws",
  bedrock_converse: "aws",
  cerebras: "cerebras",
  cohere: "cohere",
  cohere_chat: "cohere",
  deepseek: "deepseek",
  fireworks_ai: "fireworks",
  groq: "groq",
  minimax: "minimax",
  mistral: "mistral",
  moonshot: "moonshotai",
  perplexity: "perplexity",
  together_ai: "together",
  voyage: "voyageai",
  xai: "x-ai",
  zai: "zai",
};

const plainFields = {
  input: "input_cost_per_token",
  output: "output_cost_per_token",
  cacheRead: "cache_read_input_token_cost",
  cacheWrite5m: "cache_creation_input_token_cost",
  cacheWrite1h: "cache_creation_input_token_cost_above_1hr",
  reasoning: "output_cost_per_reasoning_token",
} as const;
const unitFields: Readonly<Partial<Record<RatedUnit, readonly string[]>>> = {
  cache_write_12h: ["cache_creation_input_token_cost_above_12hr"],
  cache_storage: ["cache_storage_cost_per_token_per_hour"],
  input_audio: ["input_cost_per_audio_token"],
  input_image: ["input_cost_per_image_token"],
  input_video: ["input_cost_per_video_token"],
  cache_read_audio: ["cache_read_input_audio_token_cost"],
  cache_read_image: ["cache_read_input_image_token_cost"],
  output_audio: ["output_cost_per_audio_token"],
  output_image: ["output_cost_per_image_token"],
  output_video: ["output_cost_per_video_token"],
};
const tierFields: Readonly<Partial<Record<ServiceTier, string>>> = {
  batch: "_batches",
  flex: "_flex",
  priority: "_priority",
  ultrafast: "_ultrafast",
};

/**
 * The sheet of an entry.
 * @returns `undefined` if it has no price for tokens.
 * @throws RangeError that names a field which is no price.
 */
export function sheetOfLitellm(entry: LitellmEntry, origin: PriceSheet["origin"]): PriceSheet | undefined {
  const fees = feesOf(entry);
  const bands = bandsOf(entry, "", fees);
  if (bands === undefined) return undefined;
  const classes: Partial<Record<ServiceTier, readonly SheetPeriod[]>> = {};
  for (const [tier, suffix] of Object.entries(tierFields) as [ServiceTier, string][]) {
    const ofTier = bandsOf(entry, suffix, fees);
    if (ofTier !== undefined) classes[tier] = [{ bands: ofTier }];
  }
  return {
    origin,
    periods: [{ bands }, ...offPeakPeriods(entry["off_peak_pricing"], fees)],
    ...(Object.keys(classes).length === 0 ? {} : { classes }),
    ...factorsOf(entry),
    facts: factsOf(entry),
  };
}

/** The rates by length of the prompt, for one class of service. */
function bandsOf(entry: LitellmEntry, suffix: string, fees: RateCard): readonly SheetBand[] | undefined {
  const base = cardOf(entry, "", suffix);
  if (base.input === undefined && base.output === undefined) return suffix === "" ? tieredBands(entry, fees) : undefined;
  const starts = new Set<number>();
  for (const name of Object.keys(entry)) {
    const match = /^(?:input|output)_cost_per_token_above_(\d+)k_tokens$/.exec(name);
    if (match !== null) starts.add(Number(match[1]) * 1000);
  }
  const bands: SheetBand[] = [{ above: 0, card: joinCards(base, fees) }];
  for (const above of [...starts].sort((a, b) => a - b)) {
    const card = cardOf(entry, `_above_${above / 1000}k_tokens`, suffix);
    if (card.input !== undefined || card.output !== undefined) bands.push({ above, card: joinCards(bands.at(-1)!.card, card) });
    // A class without rates for long prompts has no known ones.
    else if (suffix !== "") return undefined;
  }
  return bands;
}

/** `tiered_pricing`: `[{"range":[0,256000],"input_cost_per_token":…},…]`. */
function tieredBands(entry: LitellmEntry, fees: RateCard): readonly SheetBand[] | undefined {
  const list = entry["tiered_pricing"];
  if (!Array.isArray(list) || list.length === 0) return undefined;
  return (list as LitellmEntry[]).map((part) => {
    const range = part["range"];
    return { above: Array.isArray(range) ? Number(range[0]) : 0, card: joinCards(cardOf(part, "", ""), fees) };
  });
}

function cardOf(entry: LitellmEntry, band: string, suffix: string): RateCard {
  const card: { -readonly [Name in keyof typeof plainFields]?: bigint } = {};
  for (const [name, field] of Object.entries(plainFields) as [keyof typeof plainFields, string][]) {
    const rate = dollars(entry, `${field}${band}${suffix}`);
    if (rate !== undefined) card[name] = rate;
  }
  const units: Partial<Record<RatedUnit, bigint>> = {};
  for (const [unit, fields] of Object.entries(unitFields) as [RatedUnit, readonly string[]][]) {
    for (const field of fields) {
      const rate = dollars(entry, `${field}${band}${suffix}`);
      if (rate !== undefined) units[unit] = rate;
    }
  }
  return Object.keys(units).length === 0 ? card : { ...card, units };
}

/** Fees are the same in every class and for prompts of every length. */
function feesOf(entry: LitellmEntry): RateCard {
  const search = entry["search_context_cost_per_query"];
  const query = typeof search === "object" && search !== null ? dollars(search as LitellmEntry, "search_context_size_medium") : undefined;
  // Google bills older models by prompt.
  const byPrompt = entry["litellm_provider"] === "gemini" && entry["web_search_billing_unit"] !== "per_query";
  const perThousandFiles = dollars(entry, "file_search_cost_per_1k_calls");
  const all: Readonly<Partial<Record<RatedUnit, FemtoUsd | undefined>>> = {
    ...(byPrompt ? { grounded_prompt: query } : { web_search: query }),
    file_search: perThousandFiles === undefined ? undefined : perThousandFiles / 1000n,
    code_session: dollars(entry, "code_interpreter_cost_per_session"),
    maps_search: dollars(entry, "google_maps_grounding_cost_per_query"),
  };
  const units = Object.fromEntries(Object.entries(all).filter(([, rate]) => rate !== undefined)) as Record<string, bigint>;
  const request = dollars(entry, "input_cost_per_request");
  return { ...(request === undefined ? {} : { request }), ...(Object.keys(units).length === 0 ? {} : { units }) };
}

/** @param more its rates take the place of those of `card`. */
function joinCards(card: RateCard, more: RateCard): RateCard {
  const units = { ...card.units, ...more.units };
  return { ...card, ...more, ...(Object.keys(units).length === 0 ? {} : { units }) };
}

/** `off_peak_pricing`: cheaper prices with windows of hours and weekdays; the entry's own are those of the peak. */
function offPeakPeriods(pricing: unknown, fees: RateCard): readonly SheetPeriod[] {
  if (typeof pricing !== "object" || pricing === null) return [];
  const windows = (pricing as LitellmEntry)["windows"];
  if (!Array.isArray(windows)) return [];
  const bands = [{ above: 0, card: joinCards(cardOf(pricing as LitellmEntry, "", ""), fees) }];
  return (windows as LitellmEntry[]).map((window) => ({ when: whenOf(window), bands }));
}

function whenOf({ hours_utc: hours, weekdays }: LitellmEntry): When {
  const spans = (Array.isArray(hours) ? hours : [hours]).map((span) => String(span).split("-"));
  return {
    hours: spans.map(([start = "", end = ""]) => [start, end] as const),
    ...(Array.isArray(weekdays) ? { weekdays: weekdays as readonly number[] } : {}),
  };
}

function factorsOf(entry: LitellmEntry): Pick<PriceSheet, "speeds" | "regions"> {
  const own = entry["provider_specific_entry"];
  const { us, fast } = (typeof own === "object" && own !== null ? own : {}) as LitellmEntry;
  const regions = Object.fromEntries(
    [
      ["us", us ?? entry["regional_processing_uplift_multiplier_us"]],
      ["eu", entry["regional_processing_uplift_multiplier_eu"]],
    ].flatMap(([name, factor]) => (typeof factor === "number" ? [[name, String(factor)]] : [])),
  ) as Record<string, string>;
  return {
    ...(typeof fast === "number" ? { speeds: { fast: String(fast) } } : {}),
    ...(Object.keys(regions).length === 0 ? {} : { regions }),
  };
}

function factsOf(entry: LitellmEntry): ModelFacts {
  const { max_input_tokens: context, max_output_tokens: most, supported_modalities: input, supported_output_modalities: output } = entry;
  const seen = entry["supports_vision"] === true ? ["text", "image"] : ["text"];
  return {
    ...(typeof context === "number" ? { contextWindow: context } : {}),
    ...(typeof most === "number" ? { maxOutputTokens: most } : {}),
    inputModalities: Array.isArray(input) ? (input as string[]) : seen,
    outputModalities: Array.isArray(output) ? (output as string[]) : ["text"],
  };
}

/** A price in dollars as femto-USD. */
function dollars(entry: LitellmEntry, field: string): FemtoUsd | undefined {
  const value = entry[field];
  if (value === undefined || value === null) return undefined;
  const rate = typeof value === "number" || typeof value === "string" ? rateOfDollars(String(value)) : undefined;
  if (rate === undefined) throw new RangeError(`${field} is ${JSON.stringify(value)}, which is not a price in US dollars.`);
  return rate;
}
