import { asObjects, type JsonObject } from "../json.ts";
import { callsOf, messagesOf, openAiRefusal, partTypesOf, rolesOf, type ChatServer, type Refusal, printed } from "./chat-server.ts";

/** openrouter.ai/docs/guides/best-practices/reasoning-tokens, November 2026: entries must come back as they were answered. */
function refuseOpenRouter(body: JsonObject): Refusal | undefined {
  for (const message of messagesOf(body)) {
    for (const detail of asObjects(message["reasoning_details"])) {
      const { type } = detail;
      const holds = type === "reasoning.text" || (type === "reasoning.summary" ? "summary" in detail : "data" in detail);
      if (typeof type !== "string" || !holds)
        return { status: 400, body: { error: { code: 400, message: "Invalid input: messages.reasoning_details", metadata: {} } } };
    }
  }
  return undefined;
}

export const openrouter: ChatServer = {
  name: "openrouter",
  models: ["anthropic/claude-sonnet-4.5", "google/gemini-3-flash"],
  refuse: refuseOpenRouter,
  reasoning: "reasoning_details",
};

/** docs.together.ai/reference/chat-completions-1, November 2026: the roles and the parts of its messages. */
function refuseTogether(body: JsonObject): Refusal | undefined {
  const role = rolesOf(body).find((each) => !["system", "user", "assistant", "tool", "function"].includes(each));
  if (role !== undefined) return openAiRefusal(400, `Input validation error: invalid role '${role}'`);
  const part = partTypesOf(body).find((type) => !["text", "image_url", "video_url", "audio_url", "input_audio"].includes(type));
  return part === undefined ? undefined : openAiRefusal(400, `Input validation error: unknown content type '${part}'`);
}

export const together: ChatServer = { name: "together", models: ["Qwen/Qwen3.8-235B"], refuse: refuseTogether, reasoning: "reasoning" };

/**
 * docs.litellm.ai/docs/completion/drop_params: "By default, LiteLLM raises an exception if you send a parameter to a model that doesn't support it"; here it
 * serves a model that has neither a reasoning effort nor OpenAI's own fields.
 */
function refuseLiteLlm(body: JsonObject): Refusal | undefined {
  const refused = ["reasoning_effort", "store", "verbosity", "prompt_cache_key", "safety_identifier", "metadata"];
  const field = refused.find((key) => body[key] !== undefined);
  return field === undefined
    ? undefined
    : openAiRefusal(
        400,
        `litellm.UnsupportedParamsError: hosted_vllm does not support parameters: ['${field}'], for model=llama. To drop these, set \`litellm.drop_params=True\``,
      );
}

export const litellm: ChatServer = { name: "litellm", models: ["llama"], refuse: refuseLiteLlm, reasoning: "reasoning_content" };

/** learn.microsoft.com/azure/foundry/openai/reference, November 2026: as OpenAI's own API, whose order of calls and results holds. */
function refuseAzure(body: JsonObject): Refusal | undefined {
  const open = new Set<string>();
  for (const message of messagesOf(body)) {
    if (message["role"] === "tool") open.delete(printed(message["tool_call_id"]));
    else if (open.size > 0)
      return openAiRefusal(
        400,
        `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
      );
    for (const call of callsOf(message)) open.add(printed(call["id"]));
  }
  return body["max_tokens"] === undefined
    ? undefined
    : openAiRefusal(400, "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.");
}

export const azure: ChatServer = { name: "azure-openai", models: ["gpt-5.1"], refuse: refuseAzure, reasoning: "reasoning_content" };
