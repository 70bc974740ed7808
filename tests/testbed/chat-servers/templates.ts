import { asString, type JsonObject } from "../json.ts";
import { callsOf, messagesOf, rolesOf, printed } from "./chat-server.ts";

/** What the chat template of a model's family raises for the messages of a body; `undefined`: it renders them. */
export type Template = (body: JsonObject) => string | undefined;

/** Qwen 3.5 to 3.8: `chat_template.jinja`, lines 49, 100, 106 and 160 (the copy in ollama fb30760, model/renderers/testdata/qwen38_chat_template.jinja). */
export const qwen: Template = (body) => {
  const effort = body["reasoning_effort"] ?? "xhigh";
  if (!["xhigh", "medium", "low", "none"].includes(printed(effort)))
    return `Unexpected reasoning effort ${printed(effort)}. Supported types are xhigh (default), medium, and low.`;
  const roles = rolesOf(body);
  if (!roles.includes("user")) return "No user query found in messages.";
  if (roles.lastIndexOf("system") > 0) return "System message must be at the beginning.";
  const known = ["system", "user", "assistant", "tool"];
  return roles.every((role) => known.includes(role)) ? undefined : "Unexpected message role.";
};

/** Gemma 3: `chat_template.jinja`, line 19; it knows neither tools nor a second speaker in a row. */
export const gemma: Template = (body) => {
  const roles = rolesOf(body);
  const turns = roles[0] === "system" ? roles.slice(1) : roles;
  return turns.every((role, index) => role === (index % 2 === 0 ? "user" : "assistant"))
    ? undefined
    : "Conversation roles must alternate user/assistant/user/assistant/...";
};

/** Devstral Small 2 and Mistral Small 3: `chat_template.jinja`, line 189; calls and results are left out of the count. */
export const devstral: Template = (body) => {
  const messages = messagesOf(body);
  const spoken = (messages[0]?.["role"] === "system" ? messages.slice(1) : messages)
    .filter((message) => message["role"] !== "tool" && callsOf(message).length === 0)
    .map((message) => asString(message["role"]) ?? "");
  return spoken.every((role, index) => role === (index % 2 === 0 ? "user" : "assistant"))
    ? undefined
    : "After the optional system message, conversation roles must alternate user and assistant roles except for tool calls and results.";
};

/** The template of a model by its name; a model of another name has one that renders everything. */
export function templateOf(model: string | undefined): Template {
  if (model?.startsWith("qwen") === true) return qwen;
  if (model?.startsWith("gemma") === true) return gemma;
  return model?.startsWith("devstral") === true ? devstral : () => undefined;
}
