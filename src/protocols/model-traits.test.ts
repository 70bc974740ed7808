import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeTraits } from "./anthropic-messages/model-traits.ts";
import { geminiTraits } from "./gemini-generate/model-traits.ts";
import { ProviderTraits, type OperatorTraits, type TraitTable } from "./model-traits.ts";
import { openaiTraits } from "./openai-shared/model-traits.ts";

const at = (isVendor: boolean, settings: readonly OperatorTraits[] = []): ProviderTraits => new ProviderTraits("mine", isVendor, settings);

test("a Claude model is found by its version in every host's spelling; a name without a version is the newest", () => {
  const shortOf = (model: string): string => {
    const { thinking, takesSampling, takesPrefill, takesForcedTool, takesFormat } = at(true).of(claudeTraits, model);
    const flags = [takesSampling, takesPrefill, takesForcedTool, takesFormat].map((flag) => (flag ? "1" : "0"));
    return `${thinking} ${flags.join("")}`;
  };
  const groups: Readonly<Record<string, readonly string[]>> = {
    "adaptive 0001": [
      "claude-opus-latest",
      "claude-sonnet-latest",
      "claude-latest",
      "opus-latest",
      "claude-opus-10",
      "claude-sonnet-5-5",
      "claude-opus-5-5-20261001",
      "anthropic/claude-fable-5.2:thinking",
      "claude-mythos-preview",
      "my-deployment",
    ],
    "adaptive 0011": ["claude-haiku-latest", "claude-haiku-5-5", "claude-sonnet-5", "claude-opus-4-8", "us.anthropic.claude-opus-4-7-v1:0"],
    "adaptive 1011": ["claude-opus-4-6", "sonnet-4.6", "anthropic/claude-opus-4.6:free"],
    "budget 1111": ["claude-opus-4-5-20251101", "claude-sonnet-4.5", "vertex_ai/claude-haiku-4-5@20251001"],
    "budget 1110": [
      "claude-opus-4-20250514",
      "claude-opus-4@20250514",
      "claude-4-sonnet-20250514",
      "claude-opus-4-1",
      "claude-3-7-sonnet-latest",
      "deepseek-v4-pro",
      "kimi-k3",
    ],
    "none 1110": ["claude-3-5-sonnet-latest", "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-v2:1", "claude-instant-1.2"],
  };
  for (const [traits, models] of Object.entries(groups)) for (const model of models) assert.equal(shortOf(model), traits, model);
  assert.equal(at(false).of(claudeTraits, "my-model").thinking, "budget", "at a server that is not the vendor's");
});

test("a Gemini model is found by its generation; moving and unknown names are the newest", () => {
  const shortOf = (model: string): string => {
    const { thinking, levels, needsSignatures } = at(true).of(geminiTraits, model);
    return `${thinking}${thinking === "level" ? ` ${levels[0]}` : ""}${needsSignatures ? " signed" : ""}`;
  };
  const groups: Readonly<Record<string, readonly string[]>> = {
    "level LOW signed": [
      "gemini-pro-latest",
      "models/gemini-pro-latest",
      "gemini-10-ultra",
      "my-tuned",
      "gemini-3-pro-preview",
      "gemini-4-hydrogen",
    ],
    "level MINIMAL signed": [
      "gemini-flash-latest",
      "gemini-flash-lite-latest",
      "gemini-3.8-flash",
      "gemini-omni-1.2-flash",
      "google/gemini-10-flash:free",
    ],
    budget: ["gemini-2.5-pro-preview-06-05", "gemini-2.5-flash-lite", "gemini-live-2.5-flash-preview", "gemini-robotics-er-1.5-preview"],
    none: ["gemini-2.0-flash-001", "gemini-1.5-pro-latest", "gemini-pro", "gemini-exp-1206", "gemini-2.5-flash-image", "gemma-3-27b-it"],
  };
  for (const [traits, models] of Object.entries(groups)) for (const model of models) assert.equal(shortOf(model), traits, model);
});

test("an OpenAI model is found by its version; moving names, deployments and unknown names are the newest", () => {
  const shortOf = (model: string, isVendor = true): string => {
    const { efforts, sampling, restsUnasked, searches, needsPhase } = at(isVendor).of(openaiTraits, model);
    const flags = [searches ? " searches" : "", restsUnasked ? " rests" : "", needsPhase ? " phase" : ""];
    return `${efforts?.join(" ") ?? "-"} | ${sampling}${flags.join("")}`;
  };
  const groups: Readonly<Record<string, readonly string[]>> = {
    "none low medium high xhigh max | at-rest phase": ["gpt-10", "gpt-latest", "gpt-6.1-sol", "openai/gpt-5.6-luna", "my-deployment"],
    "none low medium high xhigh | at-rest phase": ["gpt-5.5-2026-04-23"],
    "none low medium high xhigh | at-rest rests phase": ["gpt-5.4-mini-2026-03-17"],
    "none low medium high xhigh | at-rest rests": ["gpt-5.2", "prod-gpt-5-2"],
    "none low medium high | at-rest rests": ["gpt-5.1"],
    "minimal low medium high | at-rest": ["gpt-5-2025-08-07", "gpt-5-nano"],
    "medium high xhigh max | at-rest phase": ["gpt-6-pro"],
    "high | at-rest": ["gpt-5-pro"],
    "low medium high xhigh | at-rest phase": ["gpt-5.3-codex"],
    "low medium high xhigh | at-rest": ["gpt-5.1-codex-max"],
    "low medium high | at-rest": ["o3", "o4-mini-2025-04-16", "codex-mini-latest", "gpt-5.1-codex-mini"],
    "medium | at-rest phase": ["chat-latest", "gpt-5.3-chat-latest"],
    "low medium high | always": ["gpt-oss:20b", "openai.gpt-oss-120b-1:0"],
    "- | always rests": [
      "gpt-4o",
      "chatgpt-4o-latest",
      "gpt-35-turbo",
      "ft:gpt-4o-mini-2024-07-18:org::id",
      "prod-gpt-4.1-eu",
      "gpt-5-chat-latest",
      "gpt-audio",
    ],
    "- | never searches rests": ["gpt-4o-search-preview", "openai/gpt-5-search-api"],
  };
  for (const [traits, models] of Object.entries(groups)) for (const model of models) assert.equal(shortOf(model), traits, model);
  assert.equal(shortOf("llama-3.3-70b"), "- | always rests", "another vendor's model");
  assert.equal(shortOf("my-model", false), "- | always rests", "at a server that is not the vendor's");
  assert.equal(shortOf("gpt-10", false), shortOf("gpt-10"));
});

test("an operator's traits win, by the model's name with or without the provider, the later over the earlier", () => {
  const traits = at(true, [
    { models: "Prod-*", like: "gpt-4.1", traits: { thinking: "budget" } },
    {
      models: "mine/prod-b*",
      traits: { needsPhase: true, efforts: ["low"], sampling: "sometimes", takesSampling: true, maxOutputTokens: 500 },
    },
    { models: "other/prod-*", like: "gpt-5", traits: {} },
  ]);
  assert.equal(traits.of(openaiTraits, "prod-a"), traits.of(openaiTraits, "prod-a"), "found once");
  assert.deepEqual(traits.of(openaiTraits, "prod-a"), {
    reasons: false,
    efforts: undefined,
    sampling: "always",
    restsUnasked: true,
    searches: false,
    needsPhase: false,
    refusesFunctionsInChat: false,
    maxOutputTokens: 32_768,
  });
  const both = traits.of(openaiTraits, "PROD-B1");
  assert.deepEqual(both, {
    reasons: false,
    efforts: ["low"],
    sampling: "always",
    restsUnasked: true,
    searches: false,
    needsPhase: true,
    refusesFunctionsInChat: false,
    maxOutputTokens: 500,
  });
  assert.equal(traits.of(geminiTraits, "prod-a").thinking, "budget");
});

test("the largest output of a model is known where its page names it", () => {
  const rows: readonly (readonly [TraitTable<{ maxOutputTokens: number | undefined }>, Readonly<Record<string, number | undefined>>])[] = [
    [
      claudeTraits,
      {
        "claude-3-haiku-20240307": 4096,
        "claude-3-5-sonnet-latest": 8192,
        "claude-3-7-sonnet-latest": 64_000,
        "claude-opus-4-1": 32_000,
        "claude-sonnet-4-5": 64_000,
        "claude-opus-4-6": undefined,
        "claude-opus-latest": undefined,
      },
    ],
    [geminiTraits, { "gemini-1.5-flash": 8192, "gemini-2.5-pro": 65_536, "gemini-pro-latest": undefined }],
    [
      openaiTraits,
      {
        "gpt-3.5-turbo": 4096,
        "gpt-4o-mini": 16_384,
        "ft:gpt-4.1-mini:org::id": 32_768,
        "o3-mini": 100_000,
        "gpt-5": 128_000,
        "gpt-10": undefined,
        "llama-4": undefined,
      },
    ],
  ];
  for (const [table, limits] of rows)
    for (const [model, limit] of Object.entries(limits)) assert.equal(at(true).of(table, model).maxOutputTokens, limit, model);
});

test("every row says where it comes from", () => {
  for (const table of [claudeTraits, geminiTraits, openaiTraits]) {
    for (const { family, source, readOn } of [table.newest, ...table.families, ...(table.others === undefined ? [] : [table.others])]) {
      assert.match(readOn, /^20\d\d-\d\d$/, family);
      assert.ok(source.length > 10, family);
    }
  }
});
