import type { TraitTable } from "../model-traits.ts";

/** What a Claude model accepts. */
export interface ModelTraits {
  /** `budget`: `thinking.type` is `enabled`, with a budget; `adaptive`: the model decides, and `effort` says how much it may think. */
  readonly thinking: "none" | "budget" | "adaptive";
  /** The model accepts a budget as well as the adaptive form. */
  readonly takesBudget: boolean;
  /**
   * How a request switches thinking off. `absent`: it omits `thinking`, as the model thinks only if asked. `disabled`, `between_tools`: that type of
   * `thinking` (`between_tools` is the least that the model can do). `never`: it cannot.
   */
  readonly rest: "absent" | "disabled" | "between_tools" | "never";
  /** The model thinks if the request has no `thinking`. */
  readonly thinksUnasked: boolean;
  /** The model accepts `tool_choice` of type `any` and `tool`. */
  readonly takesForcedTool: boolean;
  readonly takesEffort: boolean;
  readonly highestEffort: "high" | "max";
  readonly takesXhigh: boolean;
  /** The model accepts `output_config.format` and strict tools. */
  readonly takesFormat: boolean;
  /** The model accepts values of `temperature`, `top_p` and `top_k` other than the defaults. */
  readonly takesSampling: boolean;
  /** The model accepts `temperature` and `top_p` in one request. */
  readonly takesBothSamplings: boolean;
  /** The conversation may end with the beginning of the answer (a prefill). */
  readonly takesPrefill: boolean;
  /** The model accepts messages of the role `system` between a message of the user and one of the assistant. */
  readonly takesSystemTurns: boolean;
  /** The most tokens of output that the model accepts as a limit; `undefined`: that is not known, and the client's limit is sent. */
  readonly maxOutputTokens: number | undefined;
  /** A shorter prompt is not cached, even if it is marked; `undefined`: it is not known whether the server caches what is marked. */
  readonly minCacheTokens: number | undefined;
}

const readOn = "2026-11";

/** Claude's models, by the version in the name; a name without a version is an alias of the newest. */
export const claudeTraits: TraitTable<ModelTraits> = {
  vendor: "Anthropic",
  ownNames: /claude|(?:^|[^a-z])(?:opus|sonnet|haiku|fable|mythos)(?![a-z])/,
  versionOf,
  newest: {
    family: "Sonnet 5.5 and later",
    source:
      'platform.claude.com, "Adaptive thinking", "Effort", "Structured outputs", "Mid-conversation system messages", the migration guide of 5.5',
    readOn,
    traits: {
      thinking: "adaptive",
      takesBudget: false,
      rest: "between_tools",
      thinksUnasked: true,
      takesForcedTool: false,
      takesEffort: true,
      highestEffort: "max",
      takesXhigh: true,
      takesFormat: true,
      takesSampling: false,
      takesBothSamplings: false,
      takesPrefill: false,
      takesSystemTurns: true,
      maxOutputTokens: undefined,
      minCacheTokens: 512,
    },
  },
  families: [
    {
      family: "before 5.5",
      source: 'the migration guides of Sonnet 5.5 ("between_tools" in place of "disabled") and Opus 5.5 (no forced tool)',
      readOn,
      before: 505,
      traits: { rest: "disabled", takesForcedTool: true },
    },
    {
      family: "Haiku",
      source: 'platform.claude.com, "Adaptive thinking": Haiku 5.5 can stop thinking and be forced to call a tool',
      readOn,
      names: /haiku/,
      traits: { rest: "disabled", takesForcedTool: true },
    },
    {
      family: "Sonnet 5",
      source: "anthropics/claude-code, release 2.1.201: its reminders have no role of their own on Sonnet 5",
      readOn,
      names: /sonnet/,
      before: 505,
      traits: { takesSystemTurns: false },
    },
    {
      family: "before 5",
      source: "the migration guide of Opus 5: thinking is on by default",
      readOn,
      before: 500,
      traits: { thinksUnasked: false, rest: "absent" },
    },
    {
      family: "before 4.8",
      source: 'platform.claude.com, "What\'s new in Claude Opus 4.8": system messages in the conversation',
      readOn,
      before: 408,
      traits: { takesSystemTurns: false },
    },
    {
      family: "before 4.7",
      source: "the migration guide of Opus 4.7: no budgets, no sampling, `xhigh`",
      readOn,
      before: 407,
      traits: { rest: "disabled", takesBudget: true, takesXhigh: false, takesSampling: true },
    },
    {
      family: "before 4.6",
      source: "the migration guide of 4.6: adaptive thinking, no prefill",
      readOn,
      before: 406,
      traits: { thinking: "budget", takesEffort: false, highestEffort: "high", takesPrefill: true },
    },
    {
      family: "before 4.6",
      source: 'platform.claude.com, "Models overview": 64k tokens of output',
      readOn,
      before: 406,
      traits: { maxOutputTokens: 64_000 },
    },
    {
      family: "Opus 4, 4.1",
      source: 'platform.claude.com, "Models overview": 32k tokens of output',
      readOn,
      names: /opus/,
      from: 400,
      before: 405,
      traits: { maxOutputTokens: 32_000 },
    },
    {
      family: "Opus 4.5",
      source: 'platform.claude.com, "Effort": introduced with Opus 4.5',
      readOn,
      names: /opus/,
      from: 405,
      before: 406,
      traits: { takesEffort: true },
    },
    {
      family: "before 4.5",
      source: 'platform.claude.com, "Structured outputs": from 4.5 on',
      readOn,
      before: 405,
      traits: { takesFormat: false },
    },
    {
      family: "before 4.1",
      source: "the migration guide of 4.5: temperature or top_p, since Opus 4.1",
      readOn,
      before: 401,
      traits: { takesBothSamplings: true },
    },
    {
      family: "before 3.7",
      source: 'platform.claude.com, "Extended thinking": from 3.7 on',
      readOn,
      before: 307,
      traits: { thinking: "none", takesBudget: false, maxOutputTokens: 8192 },
    },
    {
      family: "before 3.5",
      source: 'platform.claude.com, "Models overview": 4,096 tokens of output',
      readOn,
      before: 305,
      traits: { maxOutputTokens: 4096 },
    },
    {
      family: "Opus 5.5 and later",
      source: "the migration guide of Opus 5.5: it always thinks",
      readOn,
      names: /opus/,
      from: 505,
      traits: { rest: "never", takesForcedTool: false, thinksUnasked: true },
    },
    {
      family: "Fable, Mythos",
      source: "the migration guides of Fable 5 and 5.1: they always think; no forced tool",
      readOn,
      names: /fable|mythos/,
      traits: { rest: "never", takesForcedTool: false, thinksUnasked: true },
    },
    {
      family: "Sonnet 5",
      source: 'platform.claude.com, "Prompt caching", cache limitations',
      readOn,
      names: /sonnet/,
      before: 505,
      traits: { minCacheTokens: 1024 },
    },
    {
      family: "before 5",
      source: 'platform.claude.com, "Prompt caching", cache limitations',
      readOn,
      before: 500,
      traits: { minCacheTokens: 1024 },
    },
    {
      family: "Opus 4.7",
      source: 'platform.claude.com, "Prompt caching", cache limitations',
      readOn,
      names: /opus/,
      from: 407,
      before: 408,
      traits: { minCacheTokens: 2048 },
    },
    {
      family: "Opus 4.5, 4.6",
      source: 'platform.claude.com, "Prompt caching", cache limitations',
      readOn,
      names: /opus/,
      from: 405,
      before: 407,
      traits: { minCacheTokens: 4096 },
    },
    {
      family: "Haiku 4.5",
      source: 'platform.claude.com, "Prompt caching", cache limitations',
      readOn,
      names: /haiku/,
      before: 500,
      traits: { minCacheTokens: 4096 },
    },
    {
      family: "Haiku 3.5 and older",
      source: 'platform.claude.com, "Prompt caching", cache limitations',
      readOn,
      names: /haiku/,
      before: 400,
      traits: { minCacheTokens: 2048 },
    },
    {
      family: "Mythos Preview",
      source: 'platform.claude.com, "Prompt caching", cache limitations',
      readOn,
      names: /mythos-preview/,
      traits: { minCacheTokens: 2048 },
    },
  ],
  others: {
    family: "models of other vendors",
    source:
      "the protocol before its later fields, as api-docs.deepseek.com, docs.z.ai, platform.moonshot.ai and docs.ollama.com describe it",
    readOn,
    traits: {
      thinking: "budget",
      takesBudget: true,
      rest: "disabled",
      thinksUnasked: false,
      takesForcedTool: true,
      takesEffort: false,
      highestEffort: "high",
      takesXhigh: false,
      takesFormat: false,
      takesSampling: true,
      takesBothSamplings: true,
      takesPrefill: true,
      takesSystemTurns: false,
      maxOutputTokens: undefined,
      minCacheTokens: undefined,
    },
  },
  choices: {
    thinking: ["none", "budget", "adaptive"],
    rest: ["absent", "disabled", "between_tools", "never"],
    highestEffort: ["high", "max"],
  },
};

/** `claude-opus-4-6`, `claude-3-7-sonnet-20250219`, `claude-sonnet-4.5`, `claude-v2` → 406, 307, 405, 200. */
function versionOf(name: string): number {
  const [, major, minor] = /(?:claude|opus|sonnet|haiku|fable|mythos|instant)-v?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/.exec(name) ?? [];
  return major === undefined ? Number.POSITIVE_INFINITY : Number(major) * 100 + Number(minor ?? 0);
}
