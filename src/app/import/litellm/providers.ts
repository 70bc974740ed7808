/** How a provider of LiteLLM is written in our configuration. */
export interface ProviderRow {
  /** Our preset of it; if omitted, it speaks OpenAI Chat at `baseUrl`, or at the `api_base` that the model must name. */
  readonly preset?: string;
  readonly baseUrl?: string;
  /** The variable that LiteLLM reads if no key is given. */
  readonly keyEnv?: string;
  /** At another address a server of this kind speaks OpenAI Chat alone, without the preset. */
  readonly ownHost?: string;
  /** The path of the API; what `api_base` has from `cut` on is replaced. */
  readonly path?: { readonly end: string; readonly cut: RegExp };
  /** It has no address of its own. */
  readonly needsBase?: true;
}

/** The prefix of `litellm_params.model` → how to reach it. Base URLs and variables as in `get_llm_provider_logic.py` of LiteLLM 1.110. */
const rows: Readonly<Record<string, ProviderRow>> = {
  openai: { preset: "openai", keyEnv: "OPENAI_API_KEY", ownHost: "https://api.openai.com" },
  anthropic: { preset: "anthropic" },
  gemini: { preset: "google" },
  azure: { preset: "azure-openai", needsBase: true, path: { end: "/openai/v1", cut: /\/openai(?:\/.*)?$/ } },
  openrouter: { preset: "openrouter" },
  deepseek: { preset: "deepseek" },
  groq: { preset: "groq" },
  mistral: { preset: "mistral" },
  xai: { preset: "xai" },
  together_ai: { preset: "together" },
  fireworks_ai: { preset: "fireworks" },
  ollama: { preset: "ollama", path: { end: "/v1", cut: /\/v1$/ } },
  ollama_chat: { preset: "ollama", path: { end: "/v1", cut: /\/v1$/ } },
  hosted_vllm: { preset: "vllm" },
  lm_studio: { preset: "lm-studio" },
  perplexity: { baseUrl: "https://api.perplexity.ai", keyEnv: "PERPLEXITYAI_API_KEY" },
  cerebras: { baseUrl: "https://api.cerebras.ai/v1", keyEnv: "CEREBRAS_API_KEY" },
  sambanova: { baseUrl: "https://api.sambanova.ai/v1", keyEnv: "SAMBANOVA_API_KEY" },
  deepinfra: { baseUrl: "https://api.deepinfra.com/v1/openai", keyEnv: "DEEPINFRA_API_KEY" },
  nvidia_nim: { baseUrl: "https://integrate.api.nvidia.com/v1", keyEnv: "NVIDIA_NIM_API_KEY" },
  moonshot: { baseUrl: "https://api.moonshot.ai/v1", keyEnv: "MOONSHOT_API_KEY" },
  openai_like: {},
  custom_openai: {},
  llamafile: { baseUrl: "http://127.0.0.1:8080/v1" },
  litellm_proxy: { keyEnv: "LITELLM_PROXY_API_KEY" },
};

/** `undefined`: the gateway has no way to this provider. */
export function findProvider(name: string): ProviderRow | undefined {
  return Object.hasOwn(rows, name) ? rows[name] : undefined;
}

/** Names that LiteLLM knows and the gateway does not serve, so that a prefix of a model's own name (`mistralai/…`) is not taken for one. */
const unserved = new Set(
  "bedrock bedrock_converse vertex_ai vertex_ai_beta sagemaker sagemaker_chat cohere cohere_chat huggingface databricks watsonx voyage replicate azure_ai azure_text jina_ai github github_copilot predibase snowflake oci nlp_cloud aleph_alpha clarifai auto_router text-completion-openai petals triton infinity xinference assemblyai elevenlabs deepgram recraft topaz cloudflare gigachat volcengine dashscope zai minimax".split(
    " ",
  ),
);

export function isProviderName(name: string): boolean {
  return findProvider(name) !== undefined || unserved.has(name);
}

/** The provider of a name without a prefix, as LiteLLM infers it. */
export function inferProvider(model: string): string | undefined {
  if (/^(?:gpt-|o\d|chatgpt-|text-embedding-|codex-|ft:)/.test(model)) return "openai";
  if (model.startsWith("claude-")) return "anthropic";
  // LiteLLM takes a bare Gemini name for Vertex AI.
  if (model.startsWith("gemini-")) return "vertex_ai";
  return undefined;
}
