import type { ModelQuirks } from "../../protocols/index.ts";
import type { Quirks } from "../types.ts";

/**
 * What each server refuses or needs, with its source. "Read" dates are in November 2026; for a server with public source, the file and the version.
 * The test bed has a mock of each server that refuses the same (`tests/testbed/chat-servers`).
 */

/** What servers with the OpenAI Chat protocol other than OpenAI have in common. */
const hosted: Quirks = {
  noDeveloperRole: true,
  strictTurns: true,
  maxTokensField: "max_tokens",
  noCustomTools: true,
  noAllowedTools: true,
  noVendorFields: true,
  // Of most of them it is not known that they refuse another order.
  translatedOnly: ["strictTurns"],
};

/**
 * Servers that render a chat template, and so a server without a preset: the templates of Qwen 3.5 to 3.8 raise "System message must be at the beginning."
 * (ollama fb30760, model/renderers/testdata/qwen38_chat_template.jinja, line 106), those of Gemma 3 and Devstral "conversation roles must alternate"
 * (lines 19 and 189 of their `chat_template.jinja`), and none has a place for a file. Qwen 3.8's takes three efforts (line 48).
 */
export const compatible: Quirks = {
  ...hosted,
  noUserAfterTool: true,
  translatedOnly: [],
  parts: ["image", "audio", "video"],
  byModel: [
    { models: "*qwen*", quirks: { efforts: ["low", "medium", "xhigh"] } },
    // Mistral's templates raise "Tool call IDs should be alphanumeric strings with length 9!" (llama.cpp, models/templates/Mistral-Small-3.2…, line 91).
    ...["*mistral*", "*ministral*", "*magistral*", "*devstral*", "*codestral*", "*pixtral*"].map((models) => ({
      models,
      quirks: { shortCallIds: true },
    })),
    ...["*qwen3.[0-7]*", "*qwen3", "*qwen3[-:]*", "*qwen[12]*", "*qwen-[0-9]*"].map((models) => ({
      models,
      quirks: { efforts: undefined },
    })),
  ],
};

/**
 * vllm 002032e, vllm/entrypoints/openai/chat_completion/protocol.py: `_normalize_messages_before` reads `reasoning_content` as `reasoning`,
 * `build_chat_params` hands `reasoning_effort` to the template; chat_utils.py: "Unknown part type: file". Unknown fields are ignored.
 */
export const vllm: Quirks = { ...compatible, reasoningField: "reasoning", thinkingSwitch: "chat_template_kwargs" };

/** sglang 004c82e, python/sglang/srt/entrypoints/openai/protocol.py: `ChatCompletionMessageContentPart`, `normalize_reasoning_inputs`. */
export const sglang: Quirks = {
  ...compatible,
  reasoningField: "reasoning_content",
  thinkingSwitch: "chat_template_kwargs",
  parts: ["image", "video"],
};

/**
 * llama.cpp 006639c, tools/server/server-common.cpp, `oaicompat_chat_params_parse`: "unsupported content[].type", `enable_thinking`;
 * "input_audio.format must be either 'wav' or 'mp3'"; common/chat.cpp: `tool_choice` is a text, anything else counts as "auto".
 */
export const llamaCpp: Quirks = {
  ...compatible,
  toolChoice: "words",
  reasoningField: "reasoning_content",
  thinkingSwitch: "chat_template_kwargs",
  parts: ["image", "audio"],
  audioFormats: ["wav", "mp3"],
};

/** ollama fb30760, openai/openai.go: `Message.Reasoning`, line 535 (efforts), line 612 (parts), line 741 (no addresses of images); it has no `tool_choice`. */
export const ollama: Quirks = {
  ...compatible,
  // It ignores the field.
  translatedOnly: ["toolChoice"],
  toolChoice: "none",
  effortOfKnownModels: true,
  reasoningField: "reasoning",
  thinkingSwitch: "reasoning_effort",
  parts: ["image-data", "audio"],
};

/** lmstudio-ai/lmstudio-bug-tracker: issues 670 (`tool_choice`), 189 and 307 (`response_format`), 1120 (addresses of images). */
export const lmStudio: Quirks = { ...compatible, toolChoice: "words", responseFormats: ["json_schema"], parts: ["image-data"] };

/**
 * docs.mistral.ai/api; mistralai/client-python 09c7732, src/mistralai/models/chatcompletionrequest.py: no other field is taken (422 `extra_forbidden`);
 * mistral-common 039465d, src/mistral_common/protocol/instruct/validator.py: order, last message, ids. Usage comes in the last chunk unasked.
 */
export const mistral: Quirks = {
  ...hosted,
  translatedOnly: [],
  noUserAfterTool: true,
  prefillField: "prefix",
  shortCallIds: true,
  noMessageNames: true,
  strictMessages: true,
  noStreamOptions: true,
  renamedFields: { seed: "random_seed", max_completion_tokens: "max_tokens" },
  refusedFields: [
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "service_tier",
    "store",
    "user",
    "safety_identifier",
    "verbosity",
    "modalities",
  ],
  effortOfKnownModels: true,
  reasoningField: "thinking",
  parts: ["image", "document-url"],
};

/**
 * api-docs.deepseek.com, "Thinking Mode" (on by default; `thinking`, `reasoning_effort`; reasoning must come back with calls) and "Create Chat Completion"
 * (`json_object` alone); "Thinking mode does not support this tool_choice"; deepseek-ai/DeepSeek-V3, issue 1397 (an effort beside disabled thinking).
 */
export const deepseek: Quirks = {
  ...hosted,
  responseFormats: ["json_object"],
  reasoningField: "reasoning_content",
  echoReasoning: true,
  efforts: ["low", "high", "max"],
  thinkingSwitch: "thinking",
  noForcedToolWhileThinking: true,
  noEffortWithoutThinking: true,
  parts: [],
};

const kimiK2: ModelQuirks["quirks"] = {
  efforts: [],
  thinkingSwitch: "thinking",
  toolChoice: undefined,
  noForcedToolWhileThinking: true,
};

/**
 * platform.kimi.ai/docs (models, thinking); mnfst/modelparams.dev, pull request 168 (what each model takes); UKGovernmentBEIS/inspect_ai, pull request
 * 5152 (`tool_choice` by model); earendil-works/pi, pull request 4178 (an empty `reasoning_content` counts as missing).
 */
export const moonshot: Quirks = {
  ...hosted,
  translatedOnly: ["strictTurns", "prefillField"],
  prefillField: "partial",
  reasoningField: "reasoning_content",
  echoReasoning: true,
  reasoningPlaceholder: " ",
  // Kimi K3 and later.
  efforts: ["low", "high", "max"],
  thinkingSwitch: "never",
  toolChoice: "words",
  fixedSampling: true,
  parts: ["image", "video"],
  byModel: [
    { models: "kimi-k2*", quirks: kimiK2 },
    { models: "kimi-k2.7*", quirks: { thinkingSwitch: "never", toolChoice: "auto" } },
    { models: "kimi-k2-thinking*", quirks: { thinkingSwitch: "never", toolChoice: "auto" } },
    { models: "moonshot-v1*", quirks: { ...kimiK2, fixedSampling: undefined } },
  ],
};

/**
 * docs.z.ai/api-reference/llm/chat-completion: `tool_choice` "auto" alone, `json_object` alone, `max_tokens`, one stop word; GLM-5.3 always thinks.
 * zai-org/GLM-5, issue 74: the Anthropic endpoint answers 422 to a message of the role `system`.
 */
export const glm: Quirks = {
  ...hosted,
  translatedOnly: [],
  noMessageNames: true,
  noSystemTurns: true,
  toolChoice: "auto",
  responseFormats: ["json_object"],
  renamedFields: { max_completion_tokens: "max_tokens" },
  reasoningField: "reasoning_content",
  efforts: ["low", "high", "max"],
  thinkingSwitch: "never",
  parts: ["image", "video"],
  byModel: [
    { models: "glm-5.2*", quirks: { thinkingSwitch: "thinking" } },
    ...["glm-4*", "glm-5", "glm-5[-v]*", "glm-5.[01]*"].map((models) => ({
      models,
      quirks: { efforts: [], thinkingSwitch: "thinking" as const },
    })),
  ],
};

/**
 * platform.minimax.io/docs/api-reference/text-chat-openai (`thinking`, `reasoning_split`; reasoning goes back as `reasoning_details`); what its validation
 * refuses: 7as0nch/mimo2codex, issue 7.
 */
export const minimax: Quirks = {
  ...hosted,
  translatedOnly: [],
  noNullContent: true,
  noStreamOptions: true,
  toolChoice: "none",
  responseFormats: [],
  refusedFields: ["parallel_tool_calls", "store", "verbosity"],
  extraFields: { reasoning_split: true },
  reasoningField: "reasoning_details",
  efforts: [],
  thinkingSwitch: "thinking",
  parts: ["image", "video"],
};

/** console.groq.com/docs/openai (`messages[].name`, `n`, `logprobs`); "property 'X' is unsupported"; vercel/ai, pull request 16540 (JSON beside tools). */
export const groq: Quirks = {
  ...hosted,
  answerHeaders: ["x-groq-region"],
  translatedOnly: ["strictTurns", "noDeveloperRole"],
  noMessageNames: true,
  strictMessages: true,
  noFormatWithTools: true,
  refusedFields: [
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "n",
    "store",
    "metadata",
    "verbosity",
    "prompt_cache_key",
    "safety_identifier",
    "thinking",
    "reasoning",
    "chat_template_kwargs",
    "modalities",
  ],
  effortOfKnownModels: true,
  reasoningField: "reasoning",
  parts: ["image"],
};

/** docs.together.ai/docs/inference/chat/reasoning: `reasoning: {"enabled":false}`; docs.together.ai/reference/chat-completions-1: the parts. */
export const together: Quirks = { ...hosted, reasoningField: "reasoning", thinkingSwitch: "reasoning", parts: ["image", "audio", "video"] };

/** docs.fireworks.ai/guides/reasoning (`reasoning_effort: "none"`); "Extra inputs are not permitted, field: …" (web-infra-dev/midscene, issue 1322). */
export const fireworks: Quirks = {
  ...hosted,
  answerHeaders: ["fireworks-"],
  keyHeader: "authorization",
  refusedFields: [
    "store",
    "verbosity",
    "safety_identifier",
    "chat_template_kwargs",
    "reasoning",
    "enable_thinking",
    "prompt_cache_options",
  ],
  reasoningField: "reasoning_content",
  thinkingSwitch: "reasoning_effort",
  parts: ["image", "audio", "video"],
};

/** inference-docs.cerebras.ai/resources/openai; proxysoul/Empryo, pull request 209 ("property 'X' is unsupported", measured at the live API). */
export const cerebras: Quirks = {
  ...hosted,
  translatedOnly: ["strictTurns", "noDeveloperRole"],
  maxTokensField: "max_completion_tokens",
  strictMessages: true,
  noMessageNames: true,
  refusedFields: [
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "service_tier",
    "reasoning",
    "enable_thinking",
    "thinking",
    "chat_template_kwargs",
    "store",
    "metadata",
    "verbosity",
    "prompt_cache_key",
    "safety_identifier",
  ],
  effortOfKnownModels: true,
  reasoningField: "reasoning",
  parts: ["image"],
};

/** openrouter.ai/docs/guides/best-practices/reasoning-tokens: `reasoning: {"enabled":false}`, and `reasoning_details` go back unmodified. */
export const openrouter: Quirks = {
  ...hosted,
  routesItself: true,
  translatedOnly: ["strictTurns", "noDeveloperRole"],
  keyHeader: "authorization",
  reasoningField: "reasoning_details",
  thinkingSwitch: "reasoning",
  // openrouter.ai/docs/guides/guides/usage-accounting: `usage.cost` in credits, which are dollars.
  reportsDollars: true,
};

/** docs.litellm.ai/docs/completion/drop_params: a parameter that the model behind it does not support is refused. */
export const litellm: Quirks = {
  ...compatible,
  translatedOnly: ["strictTurns", "noUserAfterTool", "noDeveloperRole", "parts"],
  effortOfKnownModels: true,
  reasoningField: "reasoning_content",
};

/** docs.x.ai: its REST reference has `/v1/tokenize-text` for a text, and nothing that counts a request. `usage.cost_in_usd_ticks` is what it bills. */
export const xai: Quirks = { ...hosted, translatedOnly: ["strictTurns", "noDeveloperRole"], noTokenCounter: true, reportsDollars: true };
