import type { JsonObject } from "../testbed/json.ts";
import { image, weather } from "./scenarios.ts";

/** Bodies of Chat clients that a server of the same protocol may refuse. */
export interface OwnAsk {
  readonly name: string;
  readonly body: JsonObject;
}

const tool = { type: "function", function: { name: weather.name, description: weather.description, parameters: weather.schema } };
const call = {
  id: "call_AbCdEfGhIjKlMnOpQrStUvWx",
  type: "function",
  function: { name: weather.name, arguments: '{"city": "Bern", "n": 1.0}' },
};
const result = { role: "tool", tool_call_id: call.id, content: "Sunny." };
const system = { role: "system", content: "Be short. ✓" };
const user = { role: "user", content: "How is the weather?" };
const step = { role: "assistant", content: null, tool_calls: [call] };
const pdf = { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0xLjQK" } };
const picture = { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } };
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };

export const ownAsks: readonly OwnAsk[] = [
  { name: "plain", body: { messages: [system, user] } },
  {
    name: "instructions behind the first turn",
    body: { messages: [system, user, { role: "assistant", content: "Where?" }, system, user] },
  },
  { name: "instructions of the developer", body: { messages: [{ role: "developer", content: "Be short." }, user] } },
  { name: "two turns of the user", body: { messages: [user, user] } },
  { name: "a loop of tools", body: { messages: [system, user, step, result], tools: [tool] } },
  { name: "a result and words of the user", body: { messages: [user, step, result, user], tools: [tool], tool_choice: "auto" } },
  { name: "an assistant's message at the end", body: { messages: [user, { role: "assistant", content: "It is" }] } },
  { name: "a named tool", body: { messages: [user], tools: [tool], tool_choice: { type: "function", function: { name: weather.name } } } },
  { name: "any tool", body: { messages: [user], tools: [tool], tool_choice: "required" } },
  { name: "a schema", body: { messages: [user], response_format: { type: "json_schema", json_schema: { name: "trip", schema } } } },
  { name: "JSON mode", body: { messages: [{ role: "user", content: "Answer in JSON." }], response_format: { type: "json_object" } } },
  { name: "a file", body: { messages: [{ role: "user", content: [{ type: "text", text: "Sum it up." }, pdf] }] } },
  { name: "a picture", body: { messages: [{ role: "user", content: [{ type: "text", text: "What is it?" }, picture] }] } },
  {
    name: "reasoning and a refusal given back, and a name",
    body: {
      messages: [
        { ...user, name: "alice" },
        { role: "assistant", content: null, refusal: "No.", reasoning_content: "Hm.", annotations: [] },
        user,
      ],
    },
  },
  { name: "a seed", body: { messages: [user], seed: 7, temperature: 1 } },
  { name: "instructions alone", body: { messages: [system] } },
];
