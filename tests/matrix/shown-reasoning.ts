import type { ChatServer } from "../testbed/chat-servers/index.ts";
import type { JsonObject } from "../testbed/json.ts";

export const thought = "I look it up.";
export const call = { id: "Ab3dE6gH9", type: "function", function: { name: "get_weather", arguments: '{"city":"Bern"}' } };
export const details = [
  { type: "reasoning.text", text: thought, signature: "c2ln", id: "r1", format: "anthropic-claude-v1", index: 0 },
  { type: "reasoning.encrypted", data: "gAAA", id: call.id, format: "google-gemini-v1", index: 1 },
];

/** Reasoning in an answer's message, and in the pieces of a stream, as the server shows it. */
export function shown({ reasoning }: ChatServer): { readonly whole: JsonObject; readonly pieces: readonly JsonObject[] } {
  switch (reasoning) {
    case "reasoning_details":
      return {
        whole: { content: null, reasoning_details: details },
        pieces: [
          { reasoning_details: [{ ...details[0], text: "I look ", signature: null }] },
          { reasoning_details: [{ ...details[0], text: "it up." }, details[1]!] },
        ],
      };
    case "thinking": {
      const part = (text: string): JsonObject => ({ type: "thinking", thinking: [{ type: "text", text }] });
      return { whole: { content: [part(thought)] }, pieces: [{ content: [part("I look ")] }, { content: [part("it up.")] }] };
    }
    case "reasoning_content":
    case "reasoning":
      return { whole: { content: null, [reasoning]: thought }, pieces: [{ [reasoning]: "I look " }, { [reasoning]: "it up." }] };
  }
}
