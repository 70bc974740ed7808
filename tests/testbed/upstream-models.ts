import type { Protocol } from "./scenario.ts";

/** A model behind each protocol; names of models tell the gateway what they take. */
export const upstreamModels: Readonly<Record<Protocol, string>> = {
  "openai-chat": "open-chat",
  "openai-responses": "gpt-5.1",
  "anthropic-messages": "claude-sonnet-4-5",
  "gemini-generate": "gemini-3-flash",
};
