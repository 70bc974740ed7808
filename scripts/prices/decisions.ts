import type { DatedAlias, ListedModel, ListedRates } from "../../src/ledger/prices/price-list.ts";

/** Which source is right where two give different prices, by the vendor's own page. The first rule whose pattern matches `vendor/model` counts. */
export interface Decision {
  readonly pattern: RegExp;
  readonly used: "catalogue" | "list";
  /** What the vendor's page says, and which page it is. Read in November 2026. */
  readonly reason: string;
}

export const decisions: readonly Decision[] = [
  {
    pattern: /^anthropic\/claude-sonnet-4-5/,
    used: "catalogue",
    reason: "the price above 200,000 tokens is of the 1M beta, which ended on 2026-04-30; it prices history (platform.claude.com, pricing)",
  },
  {
    pattern: /^deepseek\/deepseek-(chat|reasoner|r1|v3\.2)/,
    used: "list",
    reason: "the rates by time of day ended in September 2025 (api-docs.deepseek.com, pricing)",
  },
  { pattern: /^groq\/openai\/gpt-oss-safeguard-20b/, used: "list", reason: "the catalogue has it under the 120b model (groq.com/pricing)" },
  { pattern: /^mistral\/open-mistral-nemo/, used: "catalogue", reason: "the page still has 0.15 (mistral.ai/pricing)" },
  { pattern: /^mistral\//, used: "list", reason: "the name means a newer model now (docs.mistral.ai, models)" },
  { pattern: /^x-ai\//, used: "list", reason: "the name means a newer model now (docs.x.ai, models)" },
  {
    pattern: /^openai\/gpt-4o-mini-tts/,
    used: "catalogue",
    reason: "12 is the rate of sound, which is all that it makes (openai.com, pricing)",
  },
  { pattern: /^together\/meta-llama\/llama-3\.3/, used: "list", reason: "raised in 2026 (together.ai/pricing)" },
  { pattern: /^together\/mistralai\/mixtral-8x7b/, used: "list", reason: "priced by its size (together.ai/pricing)" },
  { pattern: /^fireworks\/.*(gpt-oss|deepseek-v4-flash|kimi-k3)/, used: "list", reason: "the list is newer (fireworks.ai/pricing)" },
  {
    pattern: /^fireworks\//,
    used: "catalogue",
    reason: "the list has the rate of the size, the page one of the model (fireworks.ai/pricing)",
  },
  {
    pattern: /^azure\/(ada|text-embedding|gpt-4-turbo|gpt-4o-mini-tts|phi|o4-mini)/,
    used: "catalogue",
    reason: "the list has a data zone's rate (azure.microsoft.com, pricing)",
  },
  { pattern: /^azure\//, used: "list", reason: "Azure's own rate; the catalogue has the maker's (azure.microsoft.com, pricing)" },
];

export const undecided: Decision = {
  pattern: /(?:)/,
  used: "catalogue",
  reason: "not decided: the catalogue names the page that it was read from",
};

/** Prices that a vendor's page says and that neither source has as a whole. Dollars a million tokens. */
export const vendorPrices: Readonly<Record<string, Readonly<Record<string, ListedModel>>>> = {
  mistral: { "mistral-small-2506": flat({ input: 0.1, output: 0.3 }, 128_000) },
  deepseek: {
    "deepseek-v4-flash": deepseekV4(
      { input: 0.14, output: 0.28, cache_read: 0.0028 },
      { input: 0.22, output: 0.66, cache_read: 0.007 },
      { input: 0.15, output: 0.6, cache_read: 0.003 },
    ),
    "deepseek-v4-pro": deepseekV4(
      { input: 0.435, output: 0.87, cache_read: 0.003625 },
      { input: 0.66, output: 1.98, cache_read: 0.022 },
      { input: 0.66, output: 1.98, cache_read: 0.022 },
    ),
  },
};

/** A price that does not depend on anything. */
function flat(rates: ListedRates, context: number): ListedModel {
  return { source: "vendor", date: "2026-11-20", periods: [{ bands: [[0, rates]] }], context, input: ["text"], output: ["text"] };
}

/** DeepSeek doubles its rates from 09:00 to 12:00 and from 14:00 to 18:00 in Beijing; since 2026-08-23 on Monday to Friday only (api-docs.deepseek.com). */
function deepseekV4(flat: ListedRates, august: ListedRates, september: ListedRates): ListedModel {
  const peak = {
    hours: [
      ["01:00", "04:00"],
      ["06:00", "10:00"],
    ],
  } as const;
  const weekdays = [1, 2, 3, 4, 5];
  return {
    source: "vendor",
    date: "2026-11-20",
    periods: [
      { bands: [[0, flat]] },
      { when: { from: "2026-08-17" }, bands: [[0, august]] },
      { when: { from: "2026-08-17", until: "2026-08-23", ...peak }, bands: [[0, twice(august)]] },
      { when: { from: "2026-08-23", weekdays, ...peak }, bands: [[0, twice(august)]] },
      { when: { from: "2026-09-10" }, bands: [[0, september]] },
      { when: { from: "2026-09-10", weekdays, ...peak }, bands: [[0, twice(september)]] },
    ],
    context: 1_000_000,
    max_output: 393_216,
    input: ["text"],
    output: ["text"],
  };
}

function twice(rates: ListedRates): ListedRates {
  return Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, rate * 2]));
}

/** Fees of a vendor's own tools that are the same for all its models, dollars a call. A model's own fee takes precedence. */
export const vendorFees: Readonly<Record<string, ListedRates>> = {
  // platform.claude.com, web search tool; web fetch tool: no charge beyond tokens.
  anthropic: { web_search: 0.01, page_fetch: 0 },
  // openai.com, pricing, built-in tools: a container of 1 GB; opening a page that was found is no search.
  openai: { web_search: 0.01, page_fetch: 0, file_search: 0.0025, code_session: 0.03 },
  // ai.google.dev, pricing; URL context: the pages' tokens are all that is charged.
  google: { page_fetch: 0 },
  // docs.x.ai, tools.
  "x-ai": { web_search: 0.005, page_fetch: 0, file_search: 0.0025, code_session: 0.005 },
};

/** Classes of service that cost what the standard one costs (console.groq.com, flex processing). */
export const sameClasses: Readonly<Record<string, readonly "flex"[]>> = { groq: ["flex"] };

/** Names that have meant several models (docs.mistral.ai, changelog). */
export const aliases: Readonly<Record<string, Readonly<Record<string, readonly DatedAlias[]>>>> = {
  mistral: {
    "mistral-large-latest": [{ model: "mistral-large-2411" }, { from: "2025-12-02", model: "mistral-large-2512" }],
    "mistral-small-latest": [{ model: "mistral-small-2506" }, { from: "2026-03-16", model: "mistral-small-2603" }],
  },
};

/**
 * What a context cache costs, dollars a million tokens and hour: ai.google.dev, pricing, "Context caching price", read in September and October 2026. Models whose row was not
 * read have none, and no cache is made of their prompts. The last entry whose day has come counts.
 */
export const storageRates: Readonly<
  Record<string, Readonly<Record<string, readonly { readonly from?: string; readonly rate: number }[]>>>
> = {
  google: {
    "gemini-2.5-flash": [{ rate: 1 }],
    "gemini-2.5-flash-lite": [{ rate: 1 }],
    "gemini-2.5-pro": [{ rate: 4.5 }],
    "gemini-3-flash-preview": [{ rate: 1 }],
    "gemini-3.1-pro-preview": [{ rate: 4.5 }],
    "gemini-3.1-pro-preview-customtools": [{ rate: 4.5 }],
    "gemini-3.5-flash": [{ rate: 1 }],
    "gemini-3.6-flash": [{ rate: 0.5 }, { from: "2027-01-01", rate: 1 }],
    "gemini-3.8-flash": [{ rate: 0.5 }, { from: "2027-01-01", rate: 1 }],
  },
};
