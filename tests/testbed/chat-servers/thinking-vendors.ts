import { asObject, asString, type JsonObject } from "../json.ts";
import {
  callsOf,
  firstOf,
  isForcedChoice,
  messagesOf,
  openAiRefusal,
  partTypesOf,
  rolesOf,
  type ChatServer,
  type Check,
  type Refusal,
} from "./chat-server.ts";

function isThinkingOff(body: JsonObject): boolean {
  return asObject(body["thinking"])["type"] === "disabled";
}

/** Texts alone, in the words of DeepSeek's parser (yilewang/llm-for-zotero 143, 1jehuang/jcode 310). */
function refuseDeepSeekForms(body: JsonObject): Refusal | undefined {
  const invalid = (message: string): Refusal => ({
    status: 400,
    body: { error: { message, type: "invalid_request_error", param: null, code: "invalid_request_error" } },
  });
  const part = partTypesOf(body).find((type) => type !== "text");
  if (part !== undefined)
    return invalid(
      `Failed to deserialize the JSON body into the target type: messages[0]: unknown variant \`${part}\`, expected \`text\` at line 1 column 1`,
    );
  const role = rolesOf(body).find((each) => !["system", "user", "assistant", "tool", "latest_reminder"].includes(each));
  if (role !== undefined)
    return invalid(`Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant \`${role}\``);
  // llm-exe/llm-exe 662 and api-docs.deepseek.com/api/create-chat-completion.
  const format = asObject(body["response_format"])["type"];
  if (format === "json_schema") return invalid("This response_format type is unavailable now");
  if (format === "json_object" && !/json/i.test(JSON.stringify(body["messages"])))
    return invalid("Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'");
  return undefined;
}

/** api-docs.deepseek.com/guides/thinking_mode, November 2026; deepseek-ai/DeepSeek-V3 1397. Thinking is on unless it is switched off. */
function refuseDeepSeekThinking(body: JsonObject): Refusal | undefined {
  if (isThinkingOff(body)) {
    return body["reasoning_effort"] === undefined
      ? undefined
      : openAiRefusal(400, "thinking options type cannot be disabled when reasoning_effort is set");
  }
  if (isForcedChoice(body["tool_choice"])) return openAiRefusal(400, "Thinking mode does not support this tool_choice");
  const bare = messagesOf(body).some((message) => callsOf(message).length > 0 && typeof message["reasoning_content"] !== "string");
  return bare ? openAiRefusal(400, "The `reasoning_content` in the thinking mode must be passed back to the API.") : undefined;
}

export const deepseek: ChatServer = {
  name: "deepseek",
  models: ["deepseek-v4-pro"],
  refuse: firstOf(refuseDeepSeekForms, refuseDeepSeekThinking),
  reasoning: "reasoning_content",
};

/**
 * Moonshot: mnfst/modelparams.dev 168 (what each model takes), can1357/oh-my-pi 1077 and UKGovernmentBEIS/inspect_ai 5152 (tool_choice),
 * earendil-works/pi 4178 (an empty `reasoning_content` counts as missing), HKUDS/nanobot 3939.
 */
const refuseMoonshot: Check = (body) => {
  const model = asString(body["model"]) ?? "";
  const thinking = asObject(body["thinking"])["type"];
  if (thinking !== undefined && body["reasoning_effort"] !== undefined)
    return openAiRefusal(400, "cannot specify both 'thinking' and 'reasoning_effort'");
  if (model === "kimi-k3" && thinking !== undefined)
    return openAiRefusal(400, "invalid thinking: this model does not support the thinking parameter");
  if (model.startsWith("kimi-k2.7") && thinking === "disabled")
    return openAiRefusal(400, "invalid thinking: only type=enabled is allowed for this model");
  for (const field of ["temperature", "top_p", "n", "presence_penalty", "frequency_penalty"])
    if (body[field] !== undefined) return openAiRefusal(400, `invalid ${field}: only the default is allowed for this model`);
  if (rolesOf(body).includes("developer")) return openAiRefusal(400, "Invalid request: role must be one of system, user, assistant, tool");
  const part = partTypesOf(body).find((type) => !["text", "image_url", "video_url"].includes(type));
  if (part !== undefined) return openAiRefusal(400, `Invalid request: unsupported content type ${part}`);
  if (thinking === "disabled") return undefined;
  const choice = body["tool_choice"];
  if (typeof choice === "object" && choice !== null)
    return openAiRefusal(400, "tool_choice 'specified' is incompatible with thinking enabled");
  if (choice === "required" && model !== "kimi-k3")
    return openAiRefusal(400, "tool_choice 'required' is incompatible with thinking enabled");
  const bare = messagesOf(body).findIndex(
    (message) => callsOf(message).length > 0 && (asString(message["reasoning_content"]) ?? "") === "",
  );
  return bare < 0
    ? undefined
    : openAiRefusal(400, `thinking is enabled but reasoning_content is missing in assistant tool call message at index ${bare}`);
};

export const moonshot: ChatServer = {
  name: "moonshot",
  models: ["kimi-k2.6", "kimi-k3", "kimi-k2.7-code"],
  refuse: refuseMoonshot,
  reasoning: "reasoning_content",
};

/** docs.z.ai/api-reference/llm/chat-completion, November 2026 (`tool_choice`: "auto" alone; `json_object`); the words: anomalyco/opencode 2557, cline/cline 9939. */
const refuseGlm: Check = (body) => {
  const illegal: Refusal = {
    status: 400,
    body: { error: { code: "1214", message: "The messages parameter is illegal. Please check the documentation." } },
  };
  const invalid: Refusal = {
    status: 400,
    body: { error: { code: "1210", message: "Invalid API parameter, please check the documentation." } },
  };
  const roles = rolesOf(body);
  if (!roles.includes("user") || roles.some((role) => !["system", "user", "assistant", "tool"].includes(role))) return illegal;
  if (messagesOf(body).some((message) => message["name"] !== undefined)) return illegal;
  if (partTypesOf(body).some((type) => !["text", "image_url", "video_url", "file_url", "input_audio"].includes(type))) return illegal;
  const choice = body["tool_choice"];
  if (choice !== undefined && choice !== "auto") return invalid;
  if (asObject(body["response_format"])["type"] === "json_schema") return invalid;
  if (asString(body["model"])?.startsWith("glm-5.3") === true && isThinkingOff(body)) return invalid;
  return body["max_completion_tokens"] === undefined ? undefined : invalid;
};

export const glm: ChatServer = { name: "glm", models: ["glm-4.7", "glm-5.3"], refuse: refuseGlm, reasoning: "reasoning_content" };

/** platform.minimax.io/docs/api-reference/text-chat-openai, November 2026; what its validation refuses: 7as0nch/mimo2codex, issue 7. */
const refuseMiniMax: Check = (body) => {
  const invalid = (message: string): Refusal => ({
    status: 400,
    body: { type: "error", error: { type: "bad_request_error", message: `invalid params, ${message} (2013)`, http_code: "400" } },
  });
  const roles = rolesOf(body);
  if (roles.lastIndexOf("system") > 0) return invalid("invalid message role: system");
  if (roles.some((role) => !["system", "user", "assistant", "tool"].includes(role))) return invalid("invalid message role");
  if (messagesOf(body).some((message) => message["content"] === null)) return invalid("invalid chat setting");
  for (const field of ["tool_choice", "stream_options", "parallel_tool_calls", "store", "verbosity"])
    if (body[field] !== undefined) return invalid("invalid chat setting");
  const strict = Array.isArray(body["tools"]) && JSON.stringify(body["tools"]).includes('"strict":null');
  if (strict) return invalid("invalid chat setting");
  const part = partTypesOf(body).find((type) => !["text", "image_url", "video_url"].includes(type));
  return part === undefined ? undefined : invalid(`unsupported content type ${part}`);
};

export const minimax: ChatServer = { name: "minimax", models: ["MiniMax-M3"], refuse: refuseMiniMax, reasoning: "reasoning_details" };
