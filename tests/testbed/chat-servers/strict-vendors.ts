import { asObject, asObjects, asString, type JsonObject, type JsonValue } from "../json.ts";
import {
  callsOf,
  firstOf,
  messagesOf,
  openAiRefusal,
  partTypesOf,
  rolesOf,
  type ChatServer,
  type Refusal,
  printed,
} from "./chat-server.ts";

/** Mistral's error: `{"object":"error","message","type","code"}`. */
function mistralRefusal(message: string, type: string, code: string): Refusal {
  return { status: 400, body: { object: "error", message, type, param: null, code } };
}

function extraForbidden(place: readonly (string | number)[], input: JsonValue | undefined): Refusal {
  const detail = [{ type: "extra_forbidden", loc: ["body", ...place], msg: "Extra inputs are not permitted", input: input ?? null }];
  return { status: 422, body: { object: "error", message: { detail }, type: "invalid_request_error", param: null, code: null } };
}

function fieldRequired(place: readonly (string | number)[]): Refusal {
  const detail = [{ type: "missing", loc: ["body", ...place], msg: "Field required", input: {} }];
  return { status: 422, body: { object: "error", message: { detail }, type: "invalid_request_error", param: null, code: null } };
}

/** The fields of `ChatCompletionRequest` in mistralai/client-python 09c7732, src/mistralai/models/chatcompletionrequest.py, and docs.mistral.ai/api (November 2026). */
const mistralFields = new Set([
  "model",
  "messages",
  "temperature",
  "top_p",
  "max_tokens",
  "stream",
  "stop",
  "random_seed",
  "response_format",
  "tools",
  "tool_choice",
  "presence_penalty",
  "frequency_penalty",
  "n",
  "prediction",
  "parallel_tool_calls",
  "prompt_mode",
  "reasoning_effort",
  "guardrails",
  "safe_prompt",
  "metadata",
  "prompt_cache_key",
]);
/** The fields of its four messages, same package: systemmessage.py, usermessage.py, assistantmessage.py, toolmessage.py. */
const mistralMessageFields: Readonly<Record<string, ReadonlySet<string>>> = {
  system: new Set(["role", "content"]),
  user: new Set(["role", "content"]),
  assistant: new Set(["role", "content", "tool_calls", "prefix"]),
  tool: new Set(["role", "content", "tool_call_id", "name"]),
};

function refuseMistralFields(body: JsonObject): Refusal | undefined {
  for (const key of Object.keys(body)) if (!mistralFields.has(key)) return extraForbidden([key], body[key]);
  for (const [index, message] of messagesOf(body).entries()) {
    const role = asString(message["role"]) ?? "";
    const known = mistralMessageFields[role];
    if (known === undefined)
      return {
        status: 422,
        body: {
          object: "error",
          message: {
            detail: [{ type: "union_tag_invalid", loc: ["body", "messages", index], msg: `Input tag '${role}' found using 'role'` }],
          },
          type: "invalid_request_error",
        },
      };
    const extra = Object.keys(message).find((key) => !known.has(key));
    if (extra !== undefined) return extraForbidden(["messages", index, role, extra], message[extra]);
  }
  // mistralai/client-python 09c7732, src/mistralai/models/function.py: `parameters` has no default.
  const bare = asObjects(body["tools"]).findIndex((tool) => asObject(tool["function"])["parameters"] === undefined);
  if (bare >= 0) return fieldRequired(["tools", bare, "function", "parameters"]);
  const part = partTypesOf(body).find(
    (type) => !["text", "image_url", "document_url", "input_audio", "thinking", "reference"].includes(type),
  );
  return part === undefined ? undefined : extraForbidden(["messages", "content", part], part);
}

/** What may follow on what: mistral-common 039465d, src/mistral_common/protocol/instruct/validator.py, `_validate_message_order`. */
const followers: Readonly<Record<string, readonly string[]>> = {
  system: ["user", "assistant", "system"],
  user: ["assistant", "system", "user"],
  assistant: ["assistant", "user", "tool"],
  tool: ["assistant", "tool"],
};

function refuseMistralOrder(body: JsonObject): Refusal | undefined {
  const messages = messagesOf(body);
  const roles = rolesOf(body);
  for (const [index, role] of roles.entries()) {
    const before = roles[index - 1];
    if (before !== undefined && followers[before]?.includes(role) !== true)
      return mistralRefusal(`Unexpected role '${role}' after role '${before}'`, "invalid_request_message_order", "3230");
  }
  const last = messages.at(-1);
  // Same file, `_validate_last_message`.
  if (last?.["role"] === "assistant" && last["prefix"] !== true)
    return mistralRefusal(
      "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
      "invalid_request_message_order",
      "3230",
    );
  if (messages.slice(0, -1).some((message) => message["prefix"] === true))
    return mistralRefusal("Assistant message with prefix True must be last message", "invalid_assistant_message", "3240");
  return undefined;
}

/** Same file, `MistralRequestValidatorV3._validate_tool_call` and `_validate_tool_message`. */
function refuseMistralIds(body: JsonObject): Refusal | undefined {
  for (const message of messagesOf(body)) {
    const ids = message["role"] === "tool" ? [message["tool_call_id"]] : callsOf(message).map((call) => call["id"]);
    const wrong = ids.find((id) => !/^[a-zA-Z0-9]{9}$/.test(printed(id)));
    if (wrong !== undefined)
      return mistralRefusal(
        `Tool call id was ${printed(wrong)} but must be a-z, A-Z, 0-9, with a length of 9.`,
        "invalid_function_call",
        "3280",
      );
  }
  const calls = messagesOf(body).reduce((count, message) => count + callsOf(message).length, 0);
  const results = rolesOf(body).filter((role) => role === "tool").length;
  return calls === results
    ? undefined
    : mistralRefusal("Not the same number of function calls and responses", "invalid_request_message_order", "3230");
}

export const mistral: ChatServer = {
  name: "mistral",
  models: ["mistral-large-2512"],
  refuse: firstOf(refuseMistralFields, refuseMistralIds, refuseMistralOrder),
  reasoning: "thinking",
};

/** console.groq.com/docs/api-reference, November 2026; every other field is `property 'X' is unsupported` (janhq/jan 8136, fanenr/chatbot 21). */
const groqFields = new Set([
  "model",
  "messages",
  "citation_options",
  "compound_custom",
  "disable_tool_validation",
  "documents",
  "frequency_penalty",
  "include_reasoning",
  "max_completion_tokens",
  "max_tokens",
  "n",
  "parallel_tool_calls",
  "presence_penalty",
  "reasoning_effort",
  "reasoning_format",
  "response_format",
  "search_settings",
  "seed",
  "service_tier",
  "stop",
  "stream",
  "stream_options",
  "temperature",
  "tool_choice",
  "tools",
  "top_p",
  "user",
]);

function refuseGroq(body: JsonObject): Refusal | undefined {
  const extra = Object.keys(body).find((key) => !groqFields.has(key));
  if (extra !== undefined) return openAiRefusal(400, `property '${extra}' is unsupported`);
  for (const [index, message] of messagesOf(body).entries()) {
    const role = asString(message["role"]) ?? "";
    const known = ["role", "content", "tool_calls", "tool_call_id", ...(role === "assistant" ? ["reasoning"] : [])];
    const property = Object.keys(message).find((key) => !known.includes(key));
    if (property !== undefined)
      return openAiRefusal(
        400,
        `'messages.${index}' : for 'role:${role}' the following must be satisfied[('messages.${index}' : property '${property}' is unsupported)]`,
      );
  }
  if (typeof body["n"] === "number" && body["n"] !== 1) return openAiRefusal(400, "'n' : number must be at most 1");
  const part = partTypesOf(body).find((type) => type !== "text" && type !== "image_url");
  if (part !== undefined) return openAiRefusal(400, `'messages' : content part type '${part}' is unsupported`);
  // vercel/ai 16540.
  const format = asObject(body["response_format"])["type"];
  return asObjects(body["tools"]).length > 0 && (format === "json_object" || format === "json_schema")
    ? openAiRefusal(400, "json mode cannot be combined with tool/function calling")
    : undefined;
}

export const groq: ChatServer = {
  name: "groq",
  models: ["openai/gpt-oss-120b", "llama-3.3-70b-versatile"],
  refuse: refuseGroq,
  reasoning: "reasoning",
};

/** inference-docs.cerebras.ai/resources/openai and proxysoul/Empryo 209 (measured at the live API, September 2026). */
const cerebrasRefused = [
  "frequency_penalty",
  "logit_bias",
  "presence_penalty",
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
];

function cerebrasRefusal(property: string): Refusal {
  return {
    status: 400,
    body: {
      message: `${property}: property '${property}' is unsupported`,
      type: "invalid_request_error",
      param: "validation_error",
      code: "wrong_api_format",
    },
  };
}

function refuseCerebras(body: JsonObject): Refusal | undefined {
  const field = cerebrasRefused.find((key) => body[key] !== undefined);
  if (field !== undefined) return cerebrasRefusal(field);
  for (const [index, message] of messagesOf(body).entries()) {
    const known = ["role", "content", "tool_calls", "tool_call_id", "name", "reasoning"];
    const property = Object.keys(message).find((key) => !known.includes(key));
    if (property !== undefined) return cerebrasRefusal(`messages.${index}.${printed(message["role"])}.${property}`);
  }
  const part = partTypesOf(body).find((type) => type !== "text" && type !== "image_url");
  return part === undefined ? undefined : cerebrasRefusal(`messages.content.${part}`);
}

export const cerebras: ChatServer = { name: "cerebras", models: ["gpt-oss-120b"], refuse: refuseCerebras, reasoning: "reasoning" };

/** docs.fireworks.ai/api-reference/post-chatcompletions, November 2026; the words: FlowiseAI/Flowise 2866, web-infra-dev/midscene 1322. */
const fireworksRefused = [
  "store",
  "verbosity",
  "safety_identifier",
  "chat_template_kwargs",
  "reasoning",
  "enable_thinking",
  "prompt_cache_options",
];

function refuseFireworks(body: JsonObject): Refusal | undefined {
  const field = fireworksRefused.find((key) => body[key] !== undefined);
  if (field !== undefined) return openAiRefusal(400, `Extra inputs are not permitted, field: '${field}'`);
  if (rolesOf(body).includes("developer")) return openAiRefusal(400, "Invalid role: developer");
  const part = partTypesOf(body).find((type) => !["text", "image_url", "video_url", "input_audio"].includes(type));
  if (part !== undefined) return openAiRefusal(400, `Extra inputs are not permitted, field: 'messages.content.${part}'`);
  return undefined;
}

export const fireworks: ChatServer = {
  name: "fireworks",
  models: ["accounts/fireworks/models/glm-5p2"],
  refuse: refuseFireworks,
  reasoning: "reasoning_content",
};
