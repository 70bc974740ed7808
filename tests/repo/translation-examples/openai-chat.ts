import { talk, each, just, schema, pixel, type Fields, type FieldExample } from "./example.ts";

const chatTool = { type: "function", function: { name: "look", parameters: schema } };

const chatUser = (...content: readonly object[]): Fields => ({
  messages: [{ role: "user", content: [{ type: "text", text: "hi" }, ...content] }],
});
const chatText = chatUser();
const chatCall = (call: object = {}, message: object = {}): readonly object[] => [
  { role: "user", content: "hi" },
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "call_1", type: "function", function: { name: "look", arguments: '{"city":"Bern"}' }, ...call }],
    ...message,
  },
];
const chatAnswered = (result: object): Fields => ({ messages: [...chatCall(), { role: "tool", tool_call_id: "call_1", ...result }] });

/** Examples of the fields of this dialect. */
export const chat: Readonly<Record<string, FieldExample>> = {
  model: just({ model: "other" }),
  stream: { fields: {}, stream: true },
  ...each({
    messages: [
      { role: "system", content: "Be short." },
      { role: "user", content: "hi" },
    ],
  }),
  "messages (instructions behind the first turn)": {
    fields: { messages: [...talk, { role: "developer", content: "Be short." }, { role: "user", content: "Go." }] },
    beside: { messages: [...talk, { role: "user", content: "Go." }] },
  },
  "messages[].name": just({ messages: [{ role: "user", name: "ann", content: "hi" }] }),
  "messages[].content[].image_url": {
    fields: chatUser({ type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } }),
    beside: chatText,
  },
  "messages[].content[].image_url.detail": {
    fields: chatUser({ type: "image_url", image_url: { url: `data:image/png;base64,${pixel}`, detail: "low" } }),
    beside: chatUser({ type: "image_url", image_url: { url: `data:image/png;base64,${pixel}` } }),
  },
  "messages[].content[].file": {
    fields: chatUser({ type: "file", file: { file_data: "data:application/pdf;base64,JVBERi0=" } }),
    beside: chatText,
  },
  "messages[].content[].file.filename": {
    fields: chatUser({ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } }),
    beside: chatUser({ type: "file", file: { file_data: "data:application/pdf;base64,JVBERi0=" } }),
  },
  "messages[].content[].input_audio": {
    fields: chatUser({ type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }),
    beside: chatText,
  },
  "messages[].content[].video_url": {
    fields: chatUser({ type: "video_url", video_url: { url: "https://a.example/b.mp4" } }),
    beside: chatText,
  },
  "messages[].content[].cache_control": {
    fields: { messages: [{ role: "user", content: [{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }] }] },
    beside: chatText,
  },
  "messages[].refusal": just({
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: null, refusal: "No." },
      { role: "user", content: "?" },
    ],
  }),
  "messages[].reasoning_content": {
    fields: { messages: [...chatCall({}, { reasoning_content: "hm" }), { role: "tool", tool_call_id: "call_1", content: "sun" }] },
    beside: chatAnswered({ content: "sun" }),
  },
  "messages[].tool_calls": { fields: { ...chatAnswered({ content: "sun" }), tools: [chatTool] }, beside: { tools: [chatTool] } },
  "messages[].tool_calls (without tools)": just(chatAnswered({ content: "sun" })),
  "messages[].tool_calls (without a result)": just({ messages: chatCall() }),
  "messages[].tool_calls[].function.arguments (no JSON object)": just({
    messages: [...chatCall({ function: { name: "look", arguments: "Bern" } }), { role: "tool", tool_call_id: "call_1", content: "sun" }],
  }),
  "messages[].tool_calls[].extra_content": {
    fields: {
      messages: [
        ...chatCall({ extra_content: { google: { thought_signature: "c2ln" } } }),
        { role: "tool", tool_call_id: "call_1", content: "sun" },
      ],
    },
    beside: chatAnswered({ content: "sun" }),
  },
  "messages[].tool_call_id (without a call)": just({
    messages: [
      { role: "user", content: "hi" },
      { role: "tool", tool_call_id: "call_9", content: "sun" },
    ],
  }),
  tools: just({ tools: [chatTool] }),
  "tools (custom)": just({
    tools: [
      { type: "custom", custom: { name: "patch", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } } } },
    ],
  }),
  "tools[].function.strict": {
    fields: { tools: [{ type: "function", function: { ...chatTool.function, strict: true } }] },
    beside: { tools: [chatTool] },
  },
  "tools[].cache_control": { fields: { tools: [{ ...chatTool, cache_control: { type: "ephemeral" } }] }, beside: { tools: [chatTool] } },
  functions: just({ functions: [chatTool.function] }),
  tool_choice: {
    fields: { tools: [chatTool], tool_choice: { type: "function", function: { name: "look" } } },
    beside: { tools: [chatTool] },
  },
  "tool_choice (allowed_tools)": {
    fields: {
      tools: [chatTool, { type: "function", function: { name: "b" } }],
      tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "look" } }] } },
    },
    beside: { tools: [chatTool, { type: "function", function: { name: "b" } }] },
  },
  "tool_choice (of no tool)": just({ tool_choice: "required" }),
  function_call: {
    fields: { functions: [chatTool.function], function_call: { name: "look" } },
    beside: { functions: [chatTool.function] },
  },
  parallel_tool_calls: { fields: { tools: [chatTool], parallel_tool_calls: false }, beside: { tools: [chatTool] } },
  response_format: just({ response_format: { type: "json_schema", json_schema: { name: "city", schema, strict: true } } }),
  "response_format (json_object)": just({ response_format: { type: "json_object" } }),
  "response_format.json_schema.schema (with a pattern)": just({
    response_format: {
      type: "json_schema",
      json_schema: { name: "city", schema: { ...schema, properties: { city: { type: "string", pattern: "^B" } } } },
    },
  }),
  ...each({
    reasoning_effort: "medium",
    max_completion_tokens: 100,
    max_tokens: 100,
    temperature: 0.5,
    top_p: 0.5,
    top_k: 5,
    frequency_penalty: 0.5,
    presence_penalty: 0.5,
    seed: 7,
    n: 2,
    logprobs: true,
    stop: ["END"],
    verbosity: "low",
    prompt_cache_key: "k",
    safety_identifier: "u1",
    user: "u1",
    service_tier: "flex",
    metadata: { team: "a" },
    logit_bias: { "50256": -100 },
    audio: { voice: "alloy", format: "wav" },
    modalities: ["text", "audio"],
    moderation: { model: "omni" },
    prediction: { type: "content", content: "hi" },
    prompt_cache_options: { mode: "explicit" },
    prompt_cache_retention: "24h",
    store: true,
    stream_options: { include_obfuscation: false },
    web_search_options: { search_context_size: "low" },
  }),
  "n (streamed)": { fields: { n: 2 }, stream: true },
  "temperature (above 1)": just({ temperature: 1.5 }),
  top_logprobs: { fields: { logprobs: true, top_logprobs: 2 }, beside: { logprobs: true } },
};
