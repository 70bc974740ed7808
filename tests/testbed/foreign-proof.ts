import { sealMark } from "../../src/core/index.ts";
import type { Protocol, ScenarioError } from "./scenario.ts";

/** How what a mock signs with begins, by protocol; Chat signs nothing. */
const marks: Readonly<Partial<Record<Protocol, string>>> = {
  "anthropic-messages": Buffer.from("anthropic-signature-").toString("base64").slice(0, 24),
  "openai-responses": "gAAAAmock",
  "gemini-generate": Buffer.from("gemini-signature-").toString("base64").slice(0, 20),
};

/** In each vendor's words. */
const messages: Readonly<Record<Protocol, string>> = {
  "openai-chat": "Unknown parameter: 'messages[1].tool_calls[0].extra_content'.",
  "openai-responses": "The encrypted content could not be verified. Reason: Encrypted content could not be decrypted or parsed.",
  "anthropic-messages": "messages.1.content.0: Invalid `signature` in `thinking` block",
  "gemini-generate": "Corrupted thought signature.",
};

/** A vendor refuses a proof of reasoning that it did not make, and above all one of the gateway's own making. */
export function checkProofs(protocol: Protocol, body: string): ScenarioError | null {
  const foreign = Object.entries(marks).flatMap(([maker, mark]) => (maker === protocol ? [] : [mark]));
  return [sealMark, ...foreign].some((mark) => body.includes(`"${mark}`)) ? { status: 400, message: messages[protocol] } : null;
}
