import type { TraitTable } from "../model-traits.ts";

/** The efforts of all models, the lowest first. */
export const allEfforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

export type Effort = (typeof allEfforts)[number];

/** What a model of OpenAI accepts, in both dialects. */
export interface ModelTraits {
  /** `false`: the model refuses every parameter about reasoning. */
  readonly reasons: boolean;
  /** The efforts that the model accepts, the lowest first; empty: none; `undefined`: that is not known. */
  readonly efforts: readonly Effort[] | undefined;
  /** Without an effort, the model does not reason. */
  readonly restsUnasked: boolean;
  /** When the model accepts sampling parameters and stop sequences; `at-rest`: only if the request switches reasoning off. */
  readonly sampling: "always" | "at-rest" | "never";
  /** The model searches the web by itself, and accepts `web_search_options` of Chat; other models refuse it. */
  readonly searches: boolean;
  /** The model needs the `phase` of its messages back. */
  readonly needsPhase: boolean;
  /** In Chat, the model refuses functions unless the request switches reasoning off; Responses takes both. */
  readonly refusesFunctionsInChat: boolean;
  /** The most tokens of output that the model accepts as a limit; `undefined`: that is not known, and the client's limit is sent. */
  readonly maxOutputTokens: number | undefined;
}

const readOn = "2026-11";
const gpt = /gpt/;

/** OpenAI's models, by the version in the name; a name without a version is an alias of the newest, or a deployment of it. */
export const openaiTraits: TraitTable<ModelTraits> = {
  vendor: "OpenAI",
  ownNames: /(?:^|[^a-z0-9])(?:gpt-?\d|gpt-(?:[a-z]+-)*latest|gpt-(?:oss|audio|realtime)|chatgpt|codex|o\d(?![a-z0-9]))|^chat-latest/,
  versionOf,
  newest: {
    family: "GPT-5.6 and later",
    source: 'developers.openai.com, "Reasoning models", the pages of the models; `max`: anomalyco/opencode 36141',
    readOn,
    traits: {
      reasons: true,
      efforts: ["none", "low", "medium", "high", "xhigh", "max"],
      restsUnasked: false,
      sampling: "at-rest",
      searches: false,
      needsPhase: true,
      refusesFunctionsInChat: false,
      maxOutputTokens: undefined,
    },
  },
  families: [
    {
      family: "before GPT-5.6",
      source: 'developers.openai.com, "Using GPT-5.2": `xhigh`',
      readOn,
      before: 506,
      traits: { efforts: ["none", "low", "medium", "high", "xhigh"], maxOutputTokens: 128_000 },
    },
    {
      family: "GPT-5.1 to 5.4",
      source:
        '`ReasoningEffort` in the reference of `@azure/ai-projects`: "gpt-5.1 defaults to none"; "Reasoning models": "gpt-5.5 defaults to medium"',
      readOn,
      from: 501,
      before: 505,
      traits: { restsUnasked: true },
    },
    {
      family: "GPT-5.4 and later, by the version in the name",
      source:
        'developers.openai.com, "Responses or Chat Completions": tools in Chat from GPT-5.4 on only with the effort `none`; openai/openai-openapi 541, aaif-goose/goose 11413',
      readOn,
      from: 504,
      before: 10_000,
      traits: { refusesFunctionsInChat: true },
    },
    {
      family: "before GPT-5.3",
      source: '`EasyInputMessage` of the npm package `openai` 7.57: the phase is for "models like gpt-5.3-codex and beyond"',
      readOn,
      before: 503,
      traits: { needsPhase: false },
    },
    {
      family: "before GPT-5.2",
      source: '`ReasoningEffort` in the reference of `@azure/ai-projects`; openai/openai-agents-python 2089 ("Supported values are: …")',
      readOn,
      before: 502,
      traits: { efforts: ["none", "low", "medium", "high"] },
    },
    {
      family: "GPT-5",
      source:
        '`ReasoningEffort` in the reference of `@azure/ai-projects`: "all models before gpt-5.1 default to medium, and do not support none"',
      readOn,
      before: 501,
      traits: { efforts: ["minimal", "low", "medium", "high"] },
    },
    {
      family: "Pro",
      source: "developers.openai.com, the pages of the Pro models: they always reason",
      readOn,
      names: /-pro/,
      traits: { efforts: ["medium", "high", "xhigh", "max"], restsUnasked: false, maxOutputTokens: undefined },
    },
    {
      family: "Pro before GPT-5.6",
      source: "developers.openai.com, GPT-5.2 Pro",
      readOn,
      names: /-pro/,
      before: 506,
      traits: { efforts: ["medium", "high", "xhigh"] },
    },
    {
      family: "GPT-5 Pro",
      source: "developers.openai.com, GPT-5 Pro: `high` alone",
      readOn,
      names: /-pro/,
      before: 501,
      traits: { efforts: ["high"] },
    },
    {
      family: "Codex",
      source: "developers.openai.com, the pages of the Codex models: they always reason",
      readOn,
      names: /codex/,
      traits: { efforts: ["low", "medium", "high", "xhigh", "max"], restsUnasked: false },
    },
    {
      family: "Codex before GPT-5.6, GPT-5.1-Codex-Max",
      source: "developers.openai.com, GPT-5.1-Codex-Max: `xhigh`",
      readOn,
      names: /codex/,
      before: 506,
      traits: { efforts: ["low", "medium", "high", "xhigh"] },
    },
    {
      family: "Codex before GPT-5.2, without Max",
      source: "developers.openai.com, GPT-5-Codex",
      readOn,
      names: /codex(?!-max)/,
      before: 502,
      traits: { efforts: ["low", "medium", "high"] },
    },
    {
      family: "the models of ChatGPT (`gpt-5.3-chat-latest`, `chat-latest`)",
      source: 'developers.openai.com, GPT-5.2 Chat: "medium" alone',
      readOn,
      names: /(?:^|-)chat(?:-|$)/,
      traits: { efforts: ["medium"], restsUnasked: false, maxOutputTokens: 16_384 },
    },
    {
      family: "o1, o3, o4, codex-mini",
      source: 'developers.openai.com, "Reasoning models"',
      readOn,
      names: /(?:^|[^a-z0-9])o\d(?![a-z0-9])|^codex-mini/,
      traits: { efforts: ["low", "medium", "high"], restsUnasked: false, needsPhase: false, maxOutputTokens: 100_000 },
    },
    {
      family: "o1-mini, o1-preview",
      source: 'learn.microsoft.com, "Azure OpenAI reasoning models": no effort',
      readOn,
      names: /(?:^|[^a-z0-9])o1-(?:mini|preview)/,
      traits: { efforts: [], maxOutputTokens: 32_768 },
    },
    {
      family: "gpt-oss",
      source: "docs.vllm.ai and docs.ollama.com, gpt-oss",
      readOn,
      names: /gpt-oss/,
      traits: { efforts: ["low", "medium", "high"], sampling: "always", needsPhase: false, maxOutputTokens: undefined },
    },
    {
      family: "GPT-4 and older, and models for sound",
      source: "developers.openai.com, the pages of the models",
      readOn,
      names: /gpt-?(?:35|[34](?!\d)|audio|realtime)|chatgpt|davinci|babbage|gpt-5-chat/,
      traits: { reasons: false, efforts: undefined, sampling: "always", restsUnasked: true, needsPhase: false, maxOutputTokens: 4096 },
    },
    {
      family: "GPT-4o, GPT-4.5, GPT-5 Chat, models for sound",
      source: "developers.openai.com, the pages of the models: 16,384 tokens of output",
      readOn,
      names: /gpt-?(?:4o|4\.5|audio|realtime)|gpt-5-chat/,
      traits: { maxOutputTokens: 16_384 },
    },
    {
      family: "GPT-4.1",
      source: "developers.openai.com, GPT-4.1: 32,768 tokens of output",
      readOn,
      names: /gpt-?4\.1/,
      traits: { maxOutputTokens: 32_768 },
    },
    {
      family: "models that search by themselves (`gpt-5-search-api`, `gpt-4o-search-preview`)",
      source: "developers.openai.com, GPT-4o Search Preview: no sampling parameters",
      readOn,
      names: /gpt-.*search/,
      traits: { reasons: false, efforts: undefined, sampling: "never", searches: true, restsUnasked: true, needsPhase: false },
    },
  ],
  others: {
    family: "models of other vendors",
    source: "what every server with the OpenAI protocols accepts; its preset says the rest (`upstream/providers/quirks.ts`)",
    readOn,
    traits: {
      reasons: true,
      efforts: undefined,
      restsUnasked: true,
      sampling: "always",
      searches: false,
      needsPhase: false,
      refusesFunctionsInChat: false,
      maxOutputTokens: undefined,
    },
  },
  choices: { efforts: allEfforts, sampling: ["always", "at-rest", "never"] },
};

/** `gpt-5.2-mini`, `gpt-5-2025-08-07`, `my-gpt-6`, `gpt-35-turbo` (Azure) → 502, 500, 600, 305. */
function versionOf(name: string): number {
  if (!gpt.test(name)) return Number.POSITIVE_INFINITY;
  if (/gpt-?35/.test(name)) return 305;
  const [, major, minor] = /gpt-?(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)/.exec(name) ?? [];
  return major === undefined ? Number.POSITIVE_INFINITY : Number(major) * 100 + Number(minor ?? 0);
}
