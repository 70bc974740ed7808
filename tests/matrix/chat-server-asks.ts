import type { JsonObject } from "../testbed/json.ts";
import type { Protocol } from "../testbed/scenario.ts";
import { image, weather } from "./scenarios.ts";

/** A request that agents send, and that servers other than OpenAI refuse unchanged. */
export interface HardAsk {
  readonly name: string;
  readonly client: Protocol;
  readonly body: JsonObject;
}

const anthropicTool = { name: weather.name, description: weather.description, input_schema: weather.schema };
const responsesTool = { type: "function", name: weather.name, description: weather.description, parameters: weather.schema };
const use = { type: "tool_use", id: "toolu_01AbCdEfGhIjKlMnOpQrStUv", name: weather.name, input: { city: "Bern" } };
const result = { type: "tool_result", tool_use_id: use.id, content: "Sunny." };
const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: image } };
const pdf = { type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0xLjQK" }, title: "a.pdf" };
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };

function anthropic(name: string, messages: readonly JsonObject[], more: JsonObject = {}): HardAsk {
  return {
    name,
    client: "anthropic-messages",
    body: { max_tokens: 4000, system: [{ type: "text", text: "Be short." }], tools: [anthropicTool], messages, ...more },
  };
}

const ask = { role: "user", content: "How is the weather in Bern?" };
const step = { role: "assistant", content: [use] };

export const hardAsks: readonly HardAsk[] = [
  {
    name: "a function without parameters and description",
    client: "gemini-generate",
    body: { contents: [{ role: "user", parts: [{ text: "What time is it?" }] }], tools: [{ functionDeclarations: [{ name: "now" }] }] },
  },
  anthropic("instructions behind the first turn (report 301)", [
    ask,
    { role: "system", content: "Plan mode is on." },
    { role: "assistant", content: "Which Bern?" },
    { role: "user", content: "The capital." },
  ]),
  anthropic("two turns of the user in a row (report 306)", [ask, { role: "user", content: "Be quick." }]),
  anthropic("an assistant's turn at the end (report 304)", [ask, { role: "assistant", content: "It is" }]),
  anthropic("a result with words of the user behind it (report 305)", [
    ask,
    step,
    { role: "user", content: [result, { type: "text", text: "And in Zürich?" }] },
  ]),
  anthropic("a result with a reminder behind it", [
    ask,
    step,
    { role: "user", content: [result, { type: "text", text: "<system-reminder>\nBe short.\n</system-reminder>" }] },
  ]),
  anthropic("a result with an image in it and words behind it (report 306)", [
    ask,
    step,
    {
      role: "user",
      content: [
        { ...result, content: [picture] },
        { type: "text", text: "What is this?" },
      ],
    },
    { role: "assistant", content: "A dot." },
    { role: "user", content: "Thanks." },
  ]),
  anthropic("an interrupted call, then another turn", [
    ask,
    { role: "assistant", content: [{ type: "text", text: "I look." }, use] },
    { role: "system", content: "The user interrupted." },
    { role: "user", content: [{ type: "text", text: "Stop." }] },
  ]),
  anthropic("a conversation that begins with the assistant", [{ role: "assistant", content: "Hello." }, ask]),
  anthropic("a forced tool (report 904)", [ask], { tool_choice: { type: "tool", name: weather.name } }),
  anthropic("any tool (report 904)", [ask], { tool_choice: { type: "any" } }),
  anthropic("a forced tool with thinking asked for", [ask], {
    tool_choice: { type: "any" },
    thinking: { type: "enabled", budget_tokens: 2048 },
  }),
  anthropic("no tool", [ask], { tool_choice: { type: "none" } }),
  anthropic("one tool at a time", [ask], { tool_choice: { type: "auto", disable_parallel_tool_use: true } }),
  anthropic("thinking switched off beside an effort (report 911)", [ask, step, { role: "user", content: [result] }], {
    thinking: { type: "disabled" },
    output_config: { effort: "high" },
  }),
  anthropic("a loop of tools while the model thinks", [ask, step, { role: "user", content: [result] }], {
    thinking: { type: "adaptive" },
    output_config: { effort: "max" },
  }),
  anthropic("an answer with a schema (report 903)", [ask], { output_config: { format: { type: "json_schema", schema } } }),
  anthropic("a schema without tools", [ask], { tools: undefined, output_config: { format: { type: "json_schema", schema } } }),
  anthropic("a PDF (report 908)", [{ role: "user", content: [{ type: "text", text: "Sum it up." }, pdf] }]),
  anthropic("an image by its address", [
    {
      role: "user",
      content: [
        { type: "text", text: "What is it?" },
        { type: "image", source: { type: "url", url: "https://a.example/b.png" } },
      ],
    },
  ]),
  anthropic("what Claude Code sends beside", [ask], {
    metadata: { user_id: '{"device_id":"a","account_uuid":"b","session_id":"c"}' },
    temperature: 0.5,
    top_p: 0.9,
    stop_sequences: ["END"],
  }),
  {
    name: "what Codex sends",
    client: "openai-responses",
    body: {
      instructions: "Be short.",
      input: [
        { type: "message", role: "developer", content: [{ type: "input_text", text: "Sandbox: read only." }] },
        { type: "message", role: "user", content: [{ type: "input_text", text: "<environment_context/>" }] },
        { type: "message", role: "user", content: [{ type: "input_text", text: "How is the weather?" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "I look." }] },
        { type: "function_call", call_id: "call_AbCdEfGhIjKlMnOpQrStUvWx", name: weather.name, arguments: '{"city":"Bern"}' },
        { type: "function_call_output", call_id: "call_AbCdEfGhIjKlMnOpQrStUvWx", output: "Sunny." },
        { type: "message", role: "developer", content: [{ type: "input_text", text: "Ten minutes are left." }] },
        { type: "message", role: "user", content: [{ type: "input_text", text: "And tomorrow?" }] },
      ],
      tools: [responsesTool, { type: "custom", name: "apply_patch", description: "Patches." }],
      tool_choice: "auto",
      parallel_tool_calls: true,
      reasoning: { effort: "high", summary: "auto" },
      store: false,
      include: ["reasoning.encrypted_content"],
      prompt_cache_key: "0199e2f0-0000-7000-8000-000000000000",
      text: { verbosity: "low" },
    },
  },
  {
    name: "instructions alone",
    client: "openai-responses",
    body: { instructions: "Be short.", input: [{ role: "developer", content: "Say hello." }], reasoning: { effort: "none" } },
  },
  {
    name: "JSON mode, a seed and a refusal of before",
    client: "gemini-generate",
    body: {
      systemInstruction: { parts: [{ text: "Be short." }] },
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "user", parts: [{ text: "How is the weather?" }] },
        { role: "model", parts: [{ text: "No." }] },
        { role: "user", parts: [{ text: "Please." }] },
      ],
      generationConfig: { seed: 7, temperature: 1, topP: 0.95, responseMimeType: "application/json", presencePenalty: 0.5 },
    },
  },
];
