import type { ChatRequest } from "../../ir/index.ts";

/** The text that is added if the word is missing. */
export const jsonInstruction = "Answer with JSON.";

/**
 * Whether OpenAI would refuse the request because no message contains the word "json", which the format `json_object` requires (guide to structured
 * outputs, November 2026). In Responses, the `instructions` do not count.
 */
export function lacksJsonWord(
  { responseFormat, messages }: ChatRequest,
  roles: readonly ChatRequest["messages"][number]["role"][],
): boolean {
  if (responseFormat?.type !== "json-object") return false;
  return !messages.some(
    ({ role, content }) => roles.includes(role) && content.some((block) => block.type === "text" && /json/i.test(block.text)),
  );
}
