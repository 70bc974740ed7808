import type { JsonObject } from "./json.ts";
import { asObject, asObjects, asString } from "./json.ts";
import type { ScenarioError } from "./scenario.ts";

/** The checks of the Messages API that are cheap to make, with the vendor's words (Anthropic API, November 2026). */
export function validateAnthropic(body: JsonObject): ScenarioError | null {
  for (const field of ["model", "messages", "max_tokens"]) {
    if (body[field] === undefined || body[field] === null) return invalid(`${field}: Field required`);
  }
  const messages = asObjects(body["messages"]);
  if (messages.length === 0) return invalid("messages: at least one message is required");
  const maxTokens = body["max_tokens"];
  if (typeof maxTokens !== "number" || !Number.isInteger(maxTokens)) return invalid("max_tokens: Input should be a valid integer");
  const thinking = asObject(body["thinking"]);
  if (thinking["type"] === "enabled") {
    const budget = thinking["budget_tokens"];
    if (typeof budget !== "number" || budget < 1024)
      return invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
    if (budget >= maxTokens) return invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
  }
  const cacheMarks = countCacheMarks(body);
  if (cacheMarks > 4) return invalid(`A maximum of 4 blocks with cache_control may be provided. Found ${cacheMarks}.`);
  for (const [at, tool] of asObjects(body["tools"]).entries()) {
    if (tool["type"] === undefined && asObject(tool["input_schema"])["type"] !== "object") {
      return invalid(`tools.${at}.custom.input_schema.type: Field required`);
    }
  }
  return validateMessages(messages);
}

function validateMessages(messages: readonly JsonObject[]): ScenarioError | null {
  let calls = new Set<string>();
  for (const [at, message] of messages.entries()) {
    const role = message["role"];
    // A system message may stand between turns; it neither answers tool calls nor ends them.
    if (role === "system") continue;
    if (role !== "user" && role !== "assistant") return invalid(`messages.${at}.role: Input should be 'user', 'assistant' or 'system'`);
    if (message["content"] === "") return invalid(`messages.${at}: user messages must have non-empty content`);
    const blocks = asObjects(message["content"]);
    if (blocks.some((block) => block["type"] === "text" && block["text"] === ""))
      return invalid("messages: text content blocks must be non-empty");
    const results = blocks.filter((block) => block["type"] === "tool_result").map((block) => asString(block["tool_use_id"]) ?? "");
    const orphan = results.find((id) => !calls.has(id));
    if (orphan !== undefined) {
      return invalid(
        `messages.${at}.content: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${orphan}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
    }
    const unanswered = [...calls].filter((id) => !results.includes(id));
    if (unanswered.length > 0) {
      return invalid(
        `messages.${at - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${unanswered.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
      );
    }
    calls = new Set(blocks.filter((block) => block["type"] === "tool_use").map((block) => asString(block["id"]) ?? ""));
  }
  return null;
}

function countCacheMarks(body: JsonObject): number {
  const blocks = [
    ...asObjects(body["system"]),
    ...asObjects(body["tools"]),
    ...asObjects(body["messages"]).flatMap((message) => asObjects(message["content"])),
  ];
  return blocks.filter((block) => block["cache_control"] !== undefined && block["cache_control"] !== null).length;
}

function invalid(message: string): ScenarioError {
  return { status: 400, message };
}
