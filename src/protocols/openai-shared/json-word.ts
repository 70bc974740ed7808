import type { ChatRequest } from "../../ir/index.ts";

/** What is added where it is needed. */
export const jsonInstruction = "Answer with JSON.";

/**
 * Whether OpenAI would refuse the request for its words: with the format `json_object`, the messages must hold the word "json" (guide to structured outputs,
 * November 2026); in Responses, the `instructions` do not count.
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
