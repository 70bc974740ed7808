import type { Protocol } from "../testbed/scenario.ts";
import { checkAnthropicStream } from "./grammar-anthropic.ts";
import { checkGeminiStream } from "./grammar-gemini.ts";
import { checkChatStream } from "./grammar-openai-chat.ts";
import { checkResponsesStream } from "./grammar-openai-responses.ts";
import type { WireEvent } from "./wire-events.ts";
import { readEvents } from "./wire-events.ts";

const checkers: Readonly<Record<Protocol, (events: readonly WireEvent[]) => void>> = {
  "openai-chat": checkChatStream,
  "openai-responses": checkResponsesStream,
  "anthropic-messages": checkAnthropicStream,
  "gemini-generate": checkGeminiStream,
};

/**
 * Checks that a whole, good stream is a legal sequence of its dialect's events, to its one end.
 * @throws AssertionError that holds the stream.
 */
export function checkGrammar(dialect: Protocol, bytes: Uint8Array): void {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  try {
    checkers[dialect](readEvents(text));
  } catch (error) {
    if (error instanceof Error) error.message = `${dialect}: ${error.message}\n${text}`;
    throw error;
  }
}
