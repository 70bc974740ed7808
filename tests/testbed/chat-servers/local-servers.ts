import { asArray, asObject, asString, type JsonObject } from "../json.ts";
import {
  firstOf,
  messagesOf,
  openAiRefusal,
  partsOf,
  partTypesOf,
  rolesOf,
  type ChatServer,
  type Check,
  type Refusal,
  printed,
} from "./chat-server.ts";
import { templateOf } from "./templates.ts";

/** A local server is as strict as the chat template of the model that it has loaded. */
const localModels = ["qwen3.8-27b", "devstral-small-2", "llama-4-scout"];

function byTemplate(refusal: (message: string) => Refusal): Check {
  return (body) => {
    const message = templateOf(asString(body["model"]))(body);
    return message === undefined ? undefined : refusal(message);
  };
}

/** `tool_choice` and `tools`: vllm 002032e, vllm/entrypoints/openai/chat_completion/protocol.py, `check_tool_usage`. */
function refuseTools(body: JsonObject): Refusal | undefined {
  const { tools, tool_choice: choice } = body;
  if (Array.isArray(tools) && tools.length === 0)
    return openAiRefusal(
      400,
      "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.",
      "BadRequestError",
    );
  if (choice === undefined || choice === null || choice === "none") return undefined;
  if (tools === undefined) return openAiRefusal(400, "When using `tool_choice`, `tools` must be set.", "BadRequestError");
  if (choice === "auto" || choice === "required") return undefined;
  if (typeof choice !== "object")
    return openAiRefusal(
      400,
      `Invalid value for \`tool_choice\`: ${printed(choice)}! Only named tools, "none", "auto" or "required" are supported.`,
      "BadRequestError",
    );
  const name = asObject(asObject(choice)["function"])["name"];
  const names = asArray(tools).map((tool) => asObject(asObject(tool)["function"])["name"]);
  return names.includes(name)
    ? undefined
    : openAiRefusal(400, "The tool specified in `tool_choice` does not match any of the specified `tools`", "BadRequestError");
}

/** Same file, `validate_stream_options`. */
function refuseStreamOptions(body: JsonObject): Refusal | undefined {
  return body["stream_options"] !== undefined && body["stream"] !== true
    ? openAiRefusal(400, "Stream options can only be defined when `stream=True`.", "BadRequestError")
    : undefined;
}

function refuseParts(taken: readonly string[], refusal: (type: string) => Refusal): Check {
  return (body) => {
    const other = partTypesOf(body).find((type) => !taken.includes(type));
    return other === undefined ? undefined : refusal(other);
  };
}

export const vllm: ChatServer = {
  name: "vllm",
  models: localModels,
  refuse: firstOf(
    refuseStreamOptions,
    refuseTools,
    // vllm/entrypoints/chat_utils.py, `_parse_chat_message_content_part`: `raise NotImplementedError(f"Unknown part type: {part_type}")`.
    refuseParts(["text", "refusal", "image_url", "input_audio", "audio_url", "video_url", "thinking"], (type) =>
      openAiRefusal(501, `Unknown part type: ${type}`, "NotImplementedError"),
    ),
    byTemplate((message) => openAiRefusal(400, message, "BadRequestError")),
  ),
  reasoning: "reasoning",
};

/** sglang 004c82e, python/sglang/srt/entrypoints/openai/protocol.py: `ChatCompletionMessageGenericParam._normalize_role` and `ChatCompletionRequest`. */
function refuseSglangForms(body: JsonObject): Refusal | undefined {
  const allowed = ["system", "assistant", "tool", "function", "developer", "latest_reminder", "user"];
  if (rolesOf(body).some((role) => !allowed.includes(role)))
    return openAiRefusal(
      400,
      "'role' must be one of 'system', 'assistant', 'tool', 'function', 'developer', 'latest_reminder' (case-insensitive).",
    );
  const choice = body["tool_choice"];
  if (typeof choice === "object" && typeof asObject(asObject(choice)["function"])["name"] !== "string")
    return openAiRefusal(400, "1 validation error: body.tool_choice: Input should be 'auto', 'required' or 'none'");
  return undefined;
}

export const sglang: ChatServer = {
  name: "sglang",
  models: localModels,
  refuse: firstOf(
    refuseSglangForms,
    refuseParts(["text", "thinking", "image_url", "video_url", "audio_url"], (type) =>
      openAiRefusal(
        400,
        `1 validation error: body.messages: Input tag '${type}' found using 'type' does not match any of the expected tags`,
      ),
    ),
    byTemplate((message) => openAiRefusal(400, message)),
  ),
  reasoning: "reasoning_content",
};

/** llama.cpp 006639c, tools/server/server-common.cpp, `oaicompat_chat_params_parse`. */
function refuseLlamaForms(body: JsonObject): Refusal | undefined {
  for (const message of messagesOf(body)) {
    if (message["role"] !== "assistant" && message["content"] === undefined)
      return openAiRefusal(400, "All non-assistant messages must contain 'content'");
    if (message["role"] === "assistant" && message["content"] === undefined && message["tool_calls"] === undefined)
      return openAiRefusal(400, "Assistant message must contain either 'content' or 'tool_calls'!");
  }
  const roles = rolesOf(body);
  if (roles.at(-1) === "assistant" && roles.at(-2) === "assistant")
    return openAiRefusal(400, "Cannot have 2 or more assistant messages at the end of the list.");
  for (const part of partsOf(body)) {
    const format = asObject(part["input_audio"])["format"];
    if (part["type"] === "input_audio" && format !== "wav" && format !== "mp3")
      return openAiRefusal(400, "input_audio.format must be either 'wav' or 'mp3'");
  }
  return undefined;
}

/** common/chat.cpp, `common_chat_tool_choice_parse_oaicompat`; an object is read as "auto" (`json_value` falls back to the default for another type). */
function refuseLlamaChoice(body: JsonObject): Refusal | undefined {
  const choice = body["tool_choice"];
  if (typeof choice !== "string" || choice === "auto" || choice === "none" || choice === "required") return undefined;
  return openAiRefusal(400, `Invalid tool_choice: ${choice}`);
}

export const llamaCpp: ChatServer = {
  name: "llama.cpp",
  models: localModels,
  refuse: firstOf(
    refuseLlamaForms,
    refuseLlamaChoice,
    refuseParts(["text", "image_url", "input_audio", "input_video"], () => openAiRefusal(400, "unsupported content[].type")),
    byTemplate((message) =>
      openAiRefusal(
        400,
        `Unable to generate parser for this template. Automatic parser generation failed: \n------------\nError: Jinja Exception: ${message}`,
      ),
    ),
  ),
  reasoning: "reasoning_content",
};

/** ollama fb30760, openai/openai.go: lines 544, 612, 630 and 741, `FromChatRequest`, `thinkFromReasoningEffort` and `decodeImageURL`. */
function refuseOllamaForms(body: JsonObject): Refusal | undefined {
  const effort = body["reasoning_effort"];
  if (effort !== undefined && !["none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max"].includes(printed(effort)))
    return openAiRefusal(
      400,
      `invalid reasoning value: "${printed(effort)}" (must be "minimal", "low", "medium", "high", "xhigh", "ultra", "max", or "none")`,
    );
  for (const message of messagesOf(body)) {
    if ((message["content"] === null || message["content"] === undefined) && message["tool_calls"] === undefined)
      return openAiRefusal(400, "invalid message content type: <nil>");
  }
  for (const part of partsOf(body)) {
    const url = asString(asObject(part["image_url"])["url"]) ?? "";
    if (part["type"] !== "image_url") continue;
    if (/^https?:/.test(url)) return openAiRefusal(400, "image URLs are not currently supported, please use base64 encoded data instead");
    if (!/^data:(?:image\/(?:jpeg|jpg|png|webp))?;base64,/.test(url)) return openAiRefusal(400, "invalid image input");
  }
  return undefined;
}

export const ollama: ChatServer = {
  name: "ollama",
  models: localModels,
  refuse: firstOf(
    refuseParts(["text", "image_url", "input_audio"], () => openAiRefusal(400, "invalid message format")),
    refuseOllamaForms,
    byTemplate((message) => openAiRefusal(400, message)),
  ),
  reasoning: "reasoning",
};

/** LM Studio 0.3.15 and later; its source is not public: lmstudio-bug-tracker 670 (tool_choice), 189 and 307 (response_format). */
function refuseLmStudioForms(body: JsonObject): Refusal | undefined {
  if (typeof body["tool_choice"] === "object" && body["tool_choice"] !== null)
    return { status: 400, body: { error: "Invalid tool_choice type: 'object'. Supported string values: none, auto, required" } };
  const format = asObject(body["response_format"])["type"];
  if (format !== undefined && format !== "json_schema" && format !== "text")
    return { status: 400, body: { error: "'response_format.type' must be 'json_schema' or 'text'" } };
  const image = partsOf(body).find((part) => part["type"] === "image_url");
  if (image !== undefined && !printed(asObject(image["image_url"])["url"]).startsWith("data:"))
    return { status: 400, body: { error: "'url' field must be a base64 encoded image." } };
  return undefined;
}

export const lmStudio: ChatServer = {
  name: "lm-studio",
  models: localModels,
  refuse: firstOf(
    refuseLmStudioForms,
    refuseParts(["text", "image_url"], () => ({
      status: 400,
      body: { error: "Invalid 'content': 'content' objects must have a 'type' field that is either 'text' or 'image_url'." },
    })),
    byTemplate((message) => ({ status: 400, body: { error: `Error rendering prompt with jinja template: "${message}".` } })),
  ),
  reasoning: "reasoning_content",
};
