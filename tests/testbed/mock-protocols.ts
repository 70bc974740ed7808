import { anthropicMock } from "./mock-anthropic.ts";
import { geminiMock } from "./mock-gemini.ts";
import { openAiChatMock } from "./mock-openai-chat.ts";
import { openAiResponsesMock } from "./mock-openai-responses.ts";
import type { Vendor } from "./mock-routes.ts";
import type { Protocol, ProtocolMock } from "./scenario.ts";

/** The four renderers by protocol; Gemini's is the one with `alt=sse`. */
export const protocolMocks: Readonly<Record<Protocol, ProtocolMock>> = {
  "openai-chat": openAiChatMock,
  "openai-responses": openAiResponsesMock,
  "anthropic-messages": anthropicMock,
  "gemini-generate": geminiMock,
};

/** For what is the same in all protocols of a vendor: headers and errors. */
export const vendorMocks: Readonly<Record<Vendor, ProtocolMock>> = {
  openai: openAiChatMock,
  anthropic: anthropicMock,
  gemini: geminiMock,
};
