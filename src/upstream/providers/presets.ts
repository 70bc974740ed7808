import type { ProtocolId } from "../../ir/index.ts";
import type { Quirks } from "../types.ts";
import * as quirks from "./quirks.ts";

/** How a server on this machine is found and distinguished from others on the same port. */
export interface LocalServer {
  readonly port: number;
  /** The value that the server writes into `owned_by` of its own model list. */
  readonly ownedBy: string;
  /** A path that only this server answers, with `{"version":"…"}`. If set, a model list alone is not enough. */
  readonly versionPath?: string;
}

/** The facts about a vendor or a server, as a row of data. */
export interface Preset {
  readonly name: string;
  /** Other common names of it. */
  readonly aliases?: readonly string[];
  readonly title: string;
  /** In order of preference; the client's own protocol comes first. */
  readonly protocols: readonly ProtocolId[];
  /**
   * The base URL of the vendor's SDK: with the version for the OpenAI protocols, without it for Anthropic and Gemini. If empty, it must be
   * configured.
   */
  readonly baseUrls: { readonly [P in ProtocolId]?: string };
  /** The path of the API for a configured host without a path; `/v1` by default. */
  readonly barePath?: string;
  /** An example for a base URL that must be configured. */
  readonly baseUrlExample?: string;
  /** Environment variables that may contain the key, in order. If empty, the server needs none. */
  readonly keyEnv: readonly string[];
  /** The protocol by which the vendor keeps prompts under names. */
  readonly contextCaches?: ProtocolId;
  /** Globs of the vendor's own models; a leading `!` excludes. Aggregators and local servers have none: they announce their models. */
  readonly modelPatterns: readonly string[];
  readonly quirks: Quirks;
  readonly local?: LocalServer;
}

/**
 * The rows. Base URLs are those of the vendors' SDKs (openai 7.57, @anthropic-ai/sdk 1.12, @google/genai 3.1) and of their pages, read in November
 * 2026: learn.microsoft.com/azure/foundry/openai/api-version-lifecycle, openrouter.ai/docs, api-docs.deepseek.com, console.groq.com/docs/openai,
 * docs.mistral.ai, docs.x.ai, docs.together.ai/docs/inference/openai-compatibility, docs.fireworks.ai/tools-sdks/anthropic-compatibility,
 * docs.ollama.com/api, docs.vllm.ai, lmstudio.ai/docs/developer, the llama.cpp server's README.
 *
 * A second protocol is listed if the vendor documents it as supported. Not listed: Responses without stored state (OpenRouter, Groq, Ollama), xAI's
 * Anthropic form (deprecated by xAI), and newer protocols of local servers, which older versions in use lack.
 */
export const presets: readonly Preset[] = [
  {
    name: "openai",
    title: "OpenAI",
    protocols: ["openai-responses", "openai-chat"],
    baseUrls: { "openai-responses": "https://api.openai.com/v1", "openai-chat": "https://api.openai.com/v1" },
    keyEnv: ["TOKLIGENCE_OPENAI_API_KEY", "OPENAI_API_KEY"],
    modelPatterns: ["gpt-*", "!gpt-oss*", "o[0-9]*", "chatgpt-*", "codex-*", "text-embedding-*", "ft:*"],
    // The headers that Codex reads.
    quirks: { answerHeaders: ["x-codex-", "x-models-etag", "x-reasoning-included"] },
  },
  {
    name: "anthropic",
    title: "Anthropic",
    protocols: ["anthropic-messages"],
    baseUrls: { "anthropic-messages": "https://api.anthropic.com" },
    keyEnv: ["TOKLIGENCE_ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY"],
    modelPatterns: ["claude-*"],
    quirks: {},
  },
  {
    name: "google",
    aliases: ["gemini"],
    title: "Google Gemini",
    protocols: ["gemini-generate"],
    baseUrls: { "gemini-generate": "https://generativelanguage.googleapis.com" },
    keyEnv: ["TOKLIGENCE_GOOGLE_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"],
    modelPatterns: ["gemini-*", "gemma-*", "!*:*"],
    contextCaches: "gemini-generate",
    quirks: {},
  },
  {
    name: "azure-openai",
    aliases: ["azure"],
    title: "Azure OpenAI",
    protocols: ["openai-responses", "openai-chat"],
    baseUrls: {},
    barePath: "/openai/v1",
    baseUrlExample: "https://YOUR-RESOURCE.openai.azure.com/openai/v1",
    keyEnv: ["AZURE_OPENAI_API_KEY"],
    // Models are deployments, whose names the operator chooses.
    modelPatterns: [],
    quirks: { keyHeader: "api-key", answerHeaders: ["azureml-model-session", "x-ms-region", "x-ms-rai-invoked"] },
  },
  {
    name: "openrouter",
    title: "OpenRouter",
    protocols: ["openai-chat", "anthropic-messages"],
    baseUrls: { "openai-chat": "https://openrouter.ai/api/v1", "anthropic-messages": "https://openrouter.ai/api" },
    keyEnv: ["OPENROUTER_API_KEY"],
    modelPatterns: [],
    quirks: quirks.openrouter,
  },
  {
    name: "deepseek",
    title: "DeepSeek",
    protocols: ["openai-chat", "anthropic-messages"],
    // The OpenAI form is documented without a version: the chat path follows the host directly.
    baseUrls: { "openai-chat": "https://api.deepseek.com", "anthropic-messages": "https://api.deepseek.com/anthropic" },
    keyEnv: ["DEEPSEEK_API_KEY"],
    // A name with a colon is an Ollama tag.
    modelPatterns: ["deepseek-*", "!*:*"],
    quirks: quirks.deepseek,
  },
  {
    name: "groq",
    title: "Groq",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "https://api.groq.com/openai/v1" },
    keyEnv: ["GROQ_API_KEY"],
    modelPatterns: [],
    quirks: quirks.groq,
  },
  {
    name: "mistral",
    title: "Mistral",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "https://api.mistral.ai/v1" },
    keyEnv: ["MISTRAL_API_KEY"],
    modelPatterns: [
      "mistral-*",
      "ministral-*",
      "magistral-*",
      "codestral-*",
      "devstral-*",
      "pixtral-*",
      "voxtral-*",
      "open-mistral-*",
      "open-mixtral-*",
      "!*:*",
    ],
    quirks: quirks.mistral,
  },
  {
    name: "xai",
    aliases: ["grok"],
    title: "xAI",
    protocols: ["openai-responses", "openai-chat"],
    baseUrls: { "openai-responses": "https://api.x.ai/v1", "openai-chat": "https://api.x.ai/v1" },
    keyEnv: ["XAI_API_KEY"],
    modelPatterns: ["grok-*"],
    quirks: quirks.xai,
  },
  {
    name: "together",
    title: "Together",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "https://api.together.ai/v1" },
    keyEnv: ["TOGETHER_API_KEY"],
    modelPatterns: [],
    quirks: quirks.together,
  },
  {
    name: "fireworks",
    title: "Fireworks",
    protocols: ["openai-chat", "anthropic-messages"],
    baseUrls: { "openai-chat": "https://api.fireworks.ai/inference/v1", "anthropic-messages": "https://api.fireworks.ai/inference" },
    keyEnv: ["FIREWORKS_API_KEY"],
    modelPatterns: ["accounts/fireworks/*"],
    quirks: quirks.fireworks,
  },
  {
    name: "moonshot",
    aliases: ["moonshotai", "kimi"],
    title: "Moonshot (Kimi)",
    protocols: ["openai-chat", "anthropic-messages"],
    baseUrls: { "openai-chat": "https://api.moonshot.ai/v1", "anthropic-messages": "https://api.moonshot.ai/anthropic" },
    keyEnv: ["MOONSHOT_API_KEY", "KIMI_API_KEY"],
    modelPatterns: ["kimi-*", "moonshot-*", "!*:*"],
    quirks: quirks.moonshot,
  },
  {
    name: "glm",
    aliases: ["zai", "z.ai", "zhipu", "bigmodel"],
    title: "Z.ai (GLM)",
    protocols: ["openai-chat", "anthropic-messages"],
    baseUrls: { "openai-chat": "https://api.z.ai/api/paas/v4", "anthropic-messages": "https://api.z.ai/api/anthropic" },
    keyEnv: ["ZAI_API_KEY", "GLM_API_KEY", "ZHIPUAI_API_KEY"],
    modelPatterns: ["glm-*", "!*:*"],
    quirks: quirks.glm,
  },
  {
    name: "minimax",
    title: "MiniMax",
    protocols: ["openai-chat", "anthropic-messages"],
    baseUrls: { "openai-chat": "https://api.minimax.io/v1", "anthropic-messages": "https://api.minimax.io/anthropic" },
    keyEnv: ["MINIMAX_API_KEY"],
    modelPatterns: ["MiniMax-*"],
    quirks: quirks.minimax,
  },
  {
    name: "cerebras",
    title: "Cerebras",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "https://api.cerebras.ai/v1" },
    keyEnv: ["CEREBRAS_API_KEY"],
    modelPatterns: [],
    quirks: quirks.cerebras,
  },
  {
    name: "litellm",
    title: "LiteLLM",
    protocols: ["openai-chat"],
    baseUrls: {},
    baseUrlExample: "http://localhost:4000/v1",
    keyEnv: ["LITELLM_API_KEY"],
    modelPatterns: [],
    quirks: quirks.litellm,
  },
  {
    name: "ollama",
    title: "Ollama",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "http://127.0.0.1:11434/v1" },
    keyEnv: [],
    modelPatterns: [],
    quirks: quirks.ollama,
    local: { port: 11434, ownedBy: "library", versionPath: "/api/version" },
  },
  {
    name: "vllm",
    title: "vLLM",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "http://127.0.0.1:8000/v1" },
    keyEnv: [],
    modelPatterns: [],
    quirks: quirks.vllm,
    local: { port: 8000, ownedBy: "vllm" },
  },
  {
    name: "sglang",
    title: "SGLang",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "http://127.0.0.1:30000/v1" },
    keyEnv: [],
    modelPatterns: [],
    quirks: quirks.sglang,
    local: { port: 30000, ownedBy: "sglang" },
  },
  {
    name: "lm-studio",
    title: "LM Studio",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "http://127.0.0.1:1234/v1" },
    keyEnv: [],
    modelPatterns: [],
    quirks: quirks.lmStudio,
    local: { port: 1234, ownedBy: "organization_owner" },
  },
  {
    name: "llama.cpp",
    title: "llama.cpp",
    protocols: ["openai-chat"],
    baseUrls: { "openai-chat": "http://127.0.0.1:8080/v1" },
    keyEnv: [],
    modelPatterns: [],
    quirks: quirks.llamaCpp,
  },
];

/** Finds a preset by its name, with or without dashes, dots and capitals (`lmstudio`, `LM-Studio`), or by one of its other names. */
export function findPreset(name: string): Preset | undefined {
  const wanted = plainName(name);
  return presets.find(
    (preset) => plainName(preset.name) === wanted || preset.aliases?.some((alias) => plainName(alias) === wanted) === true,
  );
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}
