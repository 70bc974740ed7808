import { anthropic, chat, gemini, responses, type Wire } from "./bill-wires.ts";

/** An answer of a vendor and what it costs. */
export interface Case {
  readonly what: string;
  readonly provider: string;
  readonly model: string;
  readonly wire: Wire;
  /** Dollars; `null`: unknown. */
  readonly cost: string | null;
}

export const seen = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
const counted = { input_tokens: 1000, output_tokens: 100, total_tokens: 1100 };
const google = { promptTokenCount: 1000, candidatesTokenCount: 100, totalTokenCount: 1100 };
const search = (type: string): object => ({ type: "web_search_call", id: "ws_1", status: "completed", action: { type, query: "x" } });
const claude = (usage: object) => anthropic("claude-opus-4-8", { input_tokens: 1000, output_tokens: 100, ...usage });

/** Prices as published in November 2026. */
export const cases: readonly Case[] = [
  {
    what: "searches of Claude",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    wire: anthropic("claude-sonnet-4-5", {
      input_tokens: 1000,
      output_tokens: 100,
      server_tool_use: { web_search_requests: 3, web_fetch_requests: 1 },
    }),
    cost: "0.0345",
  },
  {
    what: "searches of Responses; opening a page is no search",
    provider: "openai",
    model: "gpt-5",
    wire: responses("gpt-5", counted, [search("search"), search("open_page"), search("search")]),
    cost: "0.02225",
  },
  {
    what: "file searches and a container",
    provider: "openai",
    model: "gpt-5",
    wire: responses("gpt-5", counted, [
      { type: "file_search_call", id: "fs_1", status: "completed", queries: ["x"] },
      { type: "code_interpreter_call", id: "ci_1", status: "completed", container_id: "cntr_1", code: "1" },
      { type: "code_interpreter_call", id: "ci_2", status: "completed", container_id: "cntr_1", code: "2" },
    ]),
    cost: "0.03475",
  },
  {
    what: "queries of Gemini",
    provider: "google",
    model: "gemini-3-flash-preview",
    wire: gemini("gemini-3-flash-preview", google, { groundingMetadata: { webSearchQueries: ["a", "b", "a"] } }),
    cost: "0.0288",
  },
  {
    what: "a prompt that an older Gemini grounded",
    provider: "google",
    model: "gemini-2.5-flash",
    wire: gemini("gemini-2.5-flash", google, { groundingMetadata: { webSearchQueries: ["a", "b"] } }),
    cost: "0.03555",
  },
  {
    what: "a picture that Gemini made",
    provider: "google",
    model: "gemini-3.1-flash-image-preview",
    wire: gemini("gemini-3.1-flash-image-preview", {
      promptTokenCount: 400,
      candidatesTokenCount: 1120,
      candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1120 }],
    }),
    cost: "0.0674",
  },
  {
    what: "sound heard and made",
    provider: "openai-chat-only",
    model: "gpt-audio",
    wire: chat("gpt-audio", {
      prompt_tokens: 1000,
      completion_tokens: 1000,
      prompt_tokens_details: { audio_tokens: 900 },
      completion_tokens_details: { audio_tokens: 800 },
    }),
    cost: "0.08225",
  },
  {
    what: "sound of a model without a price for it",
    provider: "openai-chat-only",
    model: "gpt-5",
    wire: chat("gpt-5", { ...seen, prompt_tokens_details: { audio_tokens: 900 } }),
    cost: null,
  },
  { what: "fast mode", provider: "anthropic", model: "claude-opus-4-8", wire: claude({ speed: "fast" }), cost: "0.015" },
  {
    what: "a region with its own price",
    provider: "anthropic",
    model: "claude-opus-4-8",
    wire: claude({ inference_geo: "us" }),
    cost: "0.00825",
  },
  { what: "any region", provider: "anthropic", model: "claude-opus-4-8", wire: claude({ inference_geo: "global" }), cost: "0.0075" },
  {
    what: "a region without a price",
    provider: "anthropic",
    model: "claude-opus-4-8",
    wire: claude({ inference_geo: "mars" }),
    cost: null,
  },
  {
    what: "priority by Gemini's header",
    provider: "google",
    model: "gemini-2.5-flash",
    wire: gemini("gemini-2.5-flash", google, {}, { "x-gemini-service-tier": "priority" }),
    cost: "0.00099",
  },
  {
    what: "priority by the type of traffic",
    provider: "google",
    model: "gemini-2.5-flash",
    wire: gemini("gemini-2.5-flash", { ...google, trafficType: "ON_DEMAND_PRIORITY" }),
    cost: "0.00099",
  },
  {
    what: "provisioned throughput",
    provider: "google",
    model: "gemini-2.5-flash",
    wire: gemini("gemini-2.5-flash", { ...google, trafficType: "PROVISIONED_THROUGHPUT" }),
    cost: null,
  },
  {
    what: "flex",
    provider: "openai",
    model: "gpt-5-nano",
    wire: responses("gpt-5-nano", counted, [], { service_tier: "flex" }),
    cost: "0.000045",
  },
  {
    what: "priority",
    provider: "openai-chat-only",
    model: "gpt-5",
    wire: chat("gpt-5", seen, { service_tier: "priority" }),
    cost: "0.0045",
  },
  {
    what: "a class that is not known",
    provider: "openai",
    model: "gpt-5",
    wire: responses("gpt-5", counted, [], { service_tier: "lunar" }),
    cost: null,
  },
  {
    what: "compaction",
    provider: "anthropic",
    model: "claude-opus-4-8",
    wire: claude({
      iterations: [
        { type: "compaction", input_tokens: 180_000, output_tokens: 3500 },
        { type: "message", input_tokens: 1000, output_tokens: 100 },
      ],
    }),
    cost: "0.995",
  },
  {
    what: "an advisor of another model",
    provider: "anthropic",
    model: "claude-sonnet-5",
    wire: anthropic("claude-sonnet-5", {
      input_tokens: 1000,
      output_tokens: 100,
      iterations: [{ type: "advisor_message", model: "claude-opus-4-8", input_tokens: 2000, output_tokens: 200 }],
    }),
    cost: "0.018",
  },
  {
    what: "what OpenRouter bills",
    provider: "openrouter",
    model: "openai/gpt-5",
    wire: chat("openai/gpt-5", { ...seen, cost: 0.0123 }),
    cost: "0.0123",
  },
  {
    what: "what it bills of an unknown model",
    provider: "openrouter",
    model: "new/one",
    wire: chat("new/one", { ...seen, cost: 0.0042 }),
    cost: "0.0042",
  },
  {
    what: "the word of a server that nobody knows",
    provider: "local",
    model: "own-model",
    wire: chat("own-model", { ...seen, cost: 7 }),
    cost: "0.0012",
  },
  { what: "a new model", provider: "openai", model: "gpt-6.1-sol", wire: responses("gpt-6.1-sol", counted), cost: "0.003" },
  {
    what: "writes for 12 hours",
    provider: "openai",
    model: "gpt-6.1-sol",
    wire: responses("gpt-6.1-sol", {
      ...counted,
      input_tokens_details: {
        cached_tokens: 100,
        cache_write_tokens: 500,
        cache_write_tokens_details: { ttl_30m_tokens: 300, ttl_12h_tokens: 200 },
      },
    }),
    cost: "0.00356",
  },
  {
    what: "a long prompt of a new model",
    provider: "anthropic",
    model: "claude-haiku-5-5",
    wire: anthropic("claude-haiku-5-5", { input_tokens: 100_001, output_tokens: 100 }),
    cost: "0.0502505",
  },
  {
    what: "a name that begins as another model's",
    provider: "anthropic",
    model: "claude-sonnet-5-5",
    wire: anthropic("claude-sonnet-5-5", { input_tokens: 0, cache_read_input_tokens: 1000, output_tokens: 0 }),
    cost: "0.0001",
  },
  {
    what: "a name that only begins so",
    provider: "anthropic",
    model: "claude-sonnet-5-9",
    wire: anthropic("claude-sonnet-5-9", counted),
    cost: null,
  },
  {
    what: "the smaller model",
    provider: "groq",
    model: "openai/gpt-oss-safeguard-20b",
    wire: chat("openai/gpt-oss-safeguard-20b", seen),
    cost: "0.000105",
  },
  { what: "a new model of Mistral", provider: "mistral", model: "mistral-large-4", wire: chat("mistral-large-4", seen), cost: "0.00091" },
  {
    what: "an alias that moved",
    provider: "mistral",
    model: "mistral-large-latest",
    wire: chat("mistral-large-latest", seen),
    cost: "0.00065",
  },
  { what: "another one", provider: "mistral", model: "mistral-small-latest", wire: chat("mistral-small-latest", seen), cost: "0.00021" },
  {
    what: "flex in Chat",
    provider: "openai-chat-only",
    model: "gpt-5-nano",
    wire: chat("gpt-5-nano", seen, { service_tier: "flex" }),
    cost: "0.000045",
  },
  {
    what: "a cached prompt in off-peak hours",
    provider: "deepseek",
    model: "deepseek-v4-flash",
    wire: chat("deepseek-v4-flash", { ...seen, prompt_cache_hit_tokens: 500, prompt_cache_miss_tokens: 500 }),
    cost: "0.0001365",
  },
  { what: "off-peak hours", provider: "deepseek", model: "deepseek-v4-flash", wire: chat("deepseek-v4-flash", seen), cost: "0.00021" },
];
