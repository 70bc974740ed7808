import type { ProtocolId } from "../../../src/ir/index.ts";
import { anthropic } from "./anthropic-messages.ts";
import type { FieldExample } from "./example.ts";
import { gemini } from "./gemini-generate.ts";
import { chat } from "./openai-chat.ts";
import { responses } from "./openai-responses.ts";

export { bases, type FieldExample } from "./example.ts";

/** An example of every row of `docs/translation.md`, by dialect and by the row's first cell without its code marks. */
export const examples: Readonly<Record<ProtocolId, Readonly<Record<string, FieldExample>>>> = {
  "openai-chat": chat,
  "openai-responses": responses,
  "anthropic-messages": anthropic,
  "gemini-generate": gemini,
};
