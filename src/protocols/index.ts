import type { ProtocolId } from "../ir/index.ts";
import { anthropicMessages } from "./anthropic-messages/index.ts";
import { geminiGenerate } from "./gemini-generate/index.ts";
import { openaiChat } from "./openai-chat/index.ts";
import { openaiResponses } from "./openai-responses/index.ts";
import type { Protocol } from "./protocol.ts";

export * from "./protocol.ts";

/** The wire protocols. A new one is a folder beside these and a line here. */
export const protocols: ReadonlyMap<ProtocolId, Protocol> = new Map(
  [openaiChat, openaiResponses, anthropicMessages, geminiGenerate].map((protocol) => [protocol.id, protocol]),
);
