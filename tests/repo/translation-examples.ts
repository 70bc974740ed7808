import type { ProtocolId } from "../../src/ir/index.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A field in use: `fields` are put over the request of `bases`, and what they change is compared with the same request and only `beside`. */
export interface FieldExample {
  readonly fields: Fields;
  readonly beside?: Fields;
  /** Asked for as a stream. */
  readonly stream?: boolean;
}

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const pixel = "iVBORw0KGgo=";
const flat = { type: "function", name: "look", parameters: schema };
const chatTool = { type: "function", function: { name: "look", parameters: schema } };
const anthropicTool = { name: "look", input_schema: schema };
const geminiTool = { functionDeclarations: [{ name: "look", parametersJsonSchema: schema }] };

const just = (fields: Fields): FieldExample => ({ fields });
const each = (fields: Fields): Readonly<Record<string, FieldExample>> =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, just({ [key]: value })]));

/** The least request of each dialect; Gemini's model stands in the path. */
export const bases: Readonly<Record<ProtocolId, Fields>> = {
  "openai-chat": { model: "m", messages: [{ role: "user", content: "hi" }] },
  "openai-responses": { model: "m", input: "hi" },
  "anthropic-messages": { model: "m", max_tokens: 8000, messages: [{ role: "user", content: "hi" }] },
  "gemini-generate": { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
};

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

/** A conversation that has begun. */
const talk = [
  { role: "user", content: "hi" },
  { role: "assistant", content: "Yes?" },
];

const chat: Readonly<Record<string, FieldExample>> = {
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
  "messages[].tool_calls": just(chatAnswered({ content: "sun" })),
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

const responsesUser = (...content: readonly object[]): Fields => ({
  input: [{ role: "user", content: [{ type: "input_text", text: "hi" }, ...content] }],
});
const responsesText = responsesUser();
const call = { type: "function_call", call_id: "call_1", name: "look", arguments: '{"city":"Bern"}' };
const question = { role: "user", content: "hi" };

const responses: Readonly<Record<string, FieldExample>> = {
  model: just({ model: "other" }),
  stream: { fields: {}, stream: true },
  instructions: just({ instructions: "Be short." }),
  input: just({
    input: [
      { role: "user", content: "hi" },
      { role: "assistant", content: "Yes?" },
      { role: "user", content: "Go." },
    ],
  }),
  "input (instructions behind the first turn)": {
    fields: { input: [...talk, { role: "developer", content: "Be short." }, { role: "user", content: "Go." }] },
    beside: { input: [...talk, { role: "user", content: "Go." }] },
  },
  "input[].content[].input_image": {
    fields: responsesUser({ type: "input_image", image_url: `data:image/png;base64,${pixel}` }),
    beside: responsesText,
  },
  "input[].content[].detail": {
    fields: responsesUser({ type: "input_image", image_url: `data:image/png;base64,${pixel}`, detail: "low" }),
    beside: responsesUser({ type: "input_image", image_url: `data:image/png;base64,${pixel}` }),
  },
  "input[].content[].input_file": {
    fields: responsesUser({ type: "input_file", file_data: "data:application/pdf;base64,JVBERi0=" }),
    beside: responsesText,
  },
  "input[].content[].filename": {
    fields: responsesUser({ type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" }),
    beside: responsesUser({ type: "input_file", file_data: "data:application/pdf;base64,JVBERi0=" }),
  },
  "input[].content[].input_audio": {
    fields: responsesUser({ type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }),
    beside: responsesText,
  },
  "input[].content[].prompt_cache_breakpoint": {
    fields: { input: [{ role: "user", content: [{ type: "input_text", text: "hi", prompt_cache_breakpoint: { mode: "explicit" } }] }] },
    beside: responsesText,
  },
  "input[].content[].refusal": just({
    input: [question, { type: "message", role: "assistant", content: [{ type: "refusal", refusal: "No." }] }, question],
  }),
  "input[].reasoning": {
    fields: {
      input: [
        question,
        { type: "reasoning", summary: [], encrypted_content: "gAAA" },
        call,
        { type: "function_call_output", call_id: "call_1", output: "sun" },
      ],
    },
    beside: { input: [question, call, { type: "function_call_output", call_id: "call_1", output: "sun" }] },
  },
  "input[].function_call": just({ input: [question, call, { type: "function_call_output", call_id: "call_1", output: "sun" }] }),
  "input[].function_call (without a result)": just({ input: [question, call] }),
  "input[].function_call_output (without a call)": just({
    input: [question, { type: "function_call_output", call_id: "call_9", output: "sun" }],
  }),
  "input[].output (an image)": {
    fields: {
      input: [
        question,
        call,
        { type: "function_call_output", call_id: "call_1", output: [{ type: "input_image", image_url: `data:image/png;base64,${pixel}` }] },
      ],
    },
    beside: { input: [question, call, { type: "function_call_output", call_id: "call_1", output: "sun" }] },
  },
  "input[].web_search_call": just({
    input: [question, { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "x" } }, question],
  }),
  tools: just({ tools: [flat] }),
  "tools (custom)": just({
    tools: [{ type: "custom", name: "patch", format: { type: "grammar", syntax: "lark", definition: "start: x" } }],
  }),
  "tools (namespace)": just({ tools: [{ type: "namespace", name: "agents", tools: [flat] }] }),
  "tools[].namespace (its description)": {
    fields: { tools: [{ type: "namespace", name: "agents", description: "d", tools: [flat] }] },
    beside: { tools: [{ type: "namespace", name: "agents", tools: [flat] }] },
  },
  "tools (web_search)": just({ tools: [{ type: "web_search" }] }),
  "tools (file_search)": just({ tools: [{ type: "file_search", vector_store_ids: ["v"] }] }),
  "tools (mcp)": just({ tools: [{ type: "mcp", server_label: "s", server_url: "https://a.example" }] }),
  "tools[].strict": { fields: { tools: [{ ...flat, strict: true }] }, beside: { tools: [{ ...flat, strict: false }] } },
  tool_choice: { fields: { tools: [flat], tool_choice: { type: "function", name: "look" } }, beside: { tools: [flat] } },
  "tool_choice (allowed_tools)": {
    fields: {
      tools: [flat, { ...flat, name: "b" }],
      tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "look" }] },
    },
    beside: { tools: [flat, { ...flat, name: "b" }] },
  },
  parallel_tool_calls: { fields: { tools: [flat], parallel_tool_calls: false }, beside: { tools: [flat] } },
  reasoning: just({ reasoning: { effort: "medium" } }),
  "reasoning.summary": { fields: { reasoning: { effort: "medium", summary: "auto" } }, beside: { reasoning: { effort: "medium" } } },
  "reasoning.context": { fields: { reasoning: { effort: "medium", context: "all" } }, beside: { reasoning: { effort: "medium" } } },
  text: just({ text: { format: { type: "json_schema", name: "city", schema, strict: true } } }),
  "text.format (a grammar)": just({ text: { format: { type: "grammar", syntax: "lark", definition: "start: x" } } }),
  "text.verbosity": just({ text: { verbosity: "low" } }),
  ...each({
    max_output_tokens: 100,
    temperature: 0.5,
    top_p: 0.5,
    top_logprobs: 2,
    prompt_cache_key: "k",
    safety_identifier: "u1",
    user: "u1",
    service_tier: "flex",
    metadata: { team: "a" },
    access_programs: { science: true },
    background: true,
    context_management: [{ type: "compaction", compact_threshold: 1000 }],
    conversation: "conv_1",
    image: { detail: "low" },
    include: ["file_search_call.results"],
    max_tool_calls: 3,
    moderation: { model: "omni" },
    previous_response_id: "resp_1",
    prompt: { id: "pmpt_1" },
    prompt_cache_options: { mode: "explicit" },
    prompt_cache_retention: "24h",
    store: true,
    stream_options: { include_obfuscation: false },
    truncation: "auto",
  }),
};

const block = (...content: readonly object[]): Fields => ({
  messages: [{ role: "user", content: [{ type: "text", text: "hi" }, ...content] }],
});
const use = { type: "tool_use", id: "toolu_1", name: "look", input: { city: "Bern" } };
const used = (result: object, before: readonly object[] = []): Fields => ({
  messages: [
    { role: "user", content: "hi" },
    { role: "assistant", content: [...before, use] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "sun", ...result }] },
  ],
});

const anthropic: Readonly<Record<string, FieldExample>> = {
  model: just({ model: "other" }),
  stream: { fields: {}, stream: true },
  system: just({ system: [{ type: "text", text: "Be short." }] }),
  messages: just({
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: "Yes?" },
      { role: "user", content: "Go." },
    ],
  }),
  "messages (instructions behind the first turn)": {
    fields: { messages: [...talk, { role: "user", content: "Go." }, { role: "system", content: "Be short." }] },
    beside: { messages: [...talk, { role: "user", content: "Go." }] },
  },
  "messages[].content[].image": {
    fields: block({ type: "image", source: { type: "base64", media_type: "image/png", data: pixel } }),
    beside: block(),
  },
  "messages[].content[].document": {
    fields: block({ type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } }),
    beside: block(),
  },
  "messages[].content[].title": {
    fields: block({ type: "document", title: "a.pdf", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } }),
    beside: block({ type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } }),
  },
  "messages[].content[].citations": {
    fields: block({
      type: "document",
      citations: { enabled: true },
      source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
    }),
    beside: block({ type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } }),
  },
  cache_control: {
    fields: { messages: [{ role: "user", content: [{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }] }] },
    beside: block(),
  },
  "messages[].content[].thinking": { fields: used({}, [{ type: "thinking", thinking: "hm", signature: "c2ln" }]), beside: used({}) },
  "messages[].content[].tool_use": just(used({})),
  "messages[].content[].tool_use (without a result)": just({
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: [use] },
    ],
  }),
  "messages[].content[].tool_result (without a call)": just({
    messages: [
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "toolu_9", content: "sun" },
          { type: "text", text: "hi" },
        ],
      },
    ],
  }),
  "messages[].content[].tool_result (an image)": {
    fields: used({ content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: pixel } }] }),
    beside: used({}),
  },
  "messages[].content[].is_error": { fields: used({ is_error: true }), beside: used({}) },
  "messages[].content[].server_tool_use": just({
    messages: [
      { role: "user", content: "hi" },
      {
        role: "assistant",
        content: [
          { type: "text", text: "a" },
          { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} },
        ],
      },
      { role: "user", content: "go on" },
    ],
  }),
  tools: just({ tools: [anthropicTool] }),
  "tools (web_search)": just({ tools: [{ type: "web_search_20250305", name: "web_search" }] }),
  "tools (bash)": just({ tools: [{ type: "bash_20250124", name: "bash" }] }),
  "tools[].strict": { fields: { tools: [{ ...anthropicTool, strict: true }] }, beside: { tools: [anthropicTool] } },
  "tools[].defer_loading": { fields: { tools: [{ ...anthropicTool, defer_loading: true }] }, beside: { tools: [anthropicTool] } },
  "cache_control (of a tool)": {
    fields: { tools: [{ ...anthropicTool, cache_control: { type: "ephemeral" } }] },
    beside: { tools: [anthropicTool] },
  },
  tool_choice: { fields: { tools: [anthropicTool], tool_choice: { type: "tool", name: "look" } }, beside: { tools: [anthropicTool] } },
  "tool_choice.disable_parallel_tool_use": {
    fields: { tools: [anthropicTool], tool_choice: { type: "auto", disable_parallel_tool_use: true } },
    beside: { tools: [anthropicTool], tool_choice: { type: "auto" } },
  },
  thinking: just({ thinking: { type: "adaptive" } }),
  "thinking (disabled)": just({ thinking: { type: "disabled" } }),
  "thinking.budget_tokens": just({ thinking: { type: "enabled", budget_tokens: 4000 } }),
  "thinking.display": { fields: { thinking: { type: "adaptive", display: "summarized" } }, beside: { thinking: { type: "adaptive" } } },
  output_config: just({ output_config: { effort: "low" } }),
  "output_config.format": just({ output_config: { format: { type: "json_schema", schema } } }),
  "output_config.task_budget": just({ output_config: { task_budget: { type: "tokens", total: 1000 } } }),
  output_format: just({ output_format: { type: "json_schema", schema } }),
  ...each({
    max_tokens: 100,
    temperature: 0.5,
    top_p: 0.5,
    top_k: 5,
    stop_sequences: ["END"],
    service_tier: "standard_only",
    billing_policy: { bill_to: "user_profile" },
    compaction: { instructions: "x" },
    container: "c_1",
    context_management: { edits: [{ type: "clear_tool_uses_20250919" }] },
    diagnostics: { previous_message_id: "msg_0" },
    fallback_credit_token: "t",
    fallbacks: "default",
    inference_geo: "us",
    mcp_servers: [{ type: "url", url: "https://a.example", name: "s" }],
    speed: "fast",
    thread: { type: "create" },
  }),
  "metadata.user_id": just({ metadata: { user_id: "u1" } }),
  "metadata (another key)": just({ metadata: { team: "a" } }),
};

const partsOf = (...parts: readonly object[]): Fields => ({ contents: [{ role: "user", parts: [{ text: "hi" }, ...parts] }] });
const config = (generationConfig: object): FieldExample => just({ generationConfig });
const functionCall = { functionCall: { id: "f1", name: "look", args: { city: "Bern" } } };
const called = (part: object = {}, response: object = { output: "sun" }, more: object = {}): Fields => ({
  contents: [
    { role: "user", parts: [{ text: "hi" }] },
    { role: "model", parts: [{ ...functionCall, ...part }] },
    { role: "user", parts: [{ functionResponse: { id: "f1", name: "look", response, ...more } }] },
  ],
});

const gemini: Readonly<Record<string, FieldExample>> = {
  model: just({ model: "models/other" }),
  systemInstruction: just({ systemInstruction: { parts: [{ text: "Be short." }] } }),
  contents: just({
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [{ text: "Yes?" }] },
      { role: "user", parts: [{ text: "Go." }] },
    ],
  }),
  "contents[].parts[].inlineData": { fields: partsOf({ inlineData: { mimeType: "image/png", data: pixel } }), beside: partsOf() },
  "contents[].parts[].inlineData (video)": { fields: partsOf({ inlineData: { mimeType: "video/mp4", data: "AAAA" } }), beside: partsOf() },
  "contents[].parts[].inlineData.displayName": {
    fields: partsOf({ inlineData: { mimeType: "application/pdf", data: "JVBERi0=", displayName: "a.pdf" } }),
    beside: partsOf({ inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } }),
  },
  "contents[].parts[].fileData": {
    fields: partsOf({ fileData: { fileUri: "https://a.example/b.png", mimeType: "image/png" } }),
    beside: partsOf(),
  },
  "contents[].parts[].videoMetadata": {
    fields: partsOf({ inlineData: { mimeType: "image/png", data: pixel }, videoMetadata: { fps: 1 } }),
    beside: partsOf({ inlineData: { mimeType: "image/png", data: pixel } }),
  },
  "contents[].parts[].thought": {
    fields: {
      contents: [
        { role: "user", parts: [{ text: "hi" }] },
        { role: "model", parts: [{ text: "hm", thought: true, thoughtSignature: "c2ln" }, { text: "Yes?" }] },
        { role: "user", parts: [{ text: "Go." }] },
      ],
    },
    beside: {
      contents: [
        { role: "user", parts: [{ text: "hi" }] },
        { role: "model", parts: [{ text: "Yes?" }] },
        { role: "user", parts: [{ text: "Go." }] },
      ],
    },
  },
  "contents[].parts[].thoughtSignature": { fields: called({ thoughtSignature: "c2ln" }), beside: called() },
  "contents[].parts[].functionCall": just(called()),
  "contents[].parts[].functionCall (without a response)": just({
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [functionCall] },
    ],
  }),
  "contents[].parts[].functionResponse.response (an error)": { fields: called({}, { error: "no" }), beside: called({}, { output: "no" }) },
  "contents[].parts[].functionResponse.parts": {
    fields: called({}, { output: "sun" }, { parts: [{ inlineData: { mimeType: "image/png", data: pixel } }] }),
    beside: called(),
  },
  "contents[].parts[].executableCode": just({
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [{ text: "a" }, { executableCode: { language: "PYTHON", code: "1" } }] },
      { role: "user", parts: [{ text: "Go." }] },
    ],
  }),
  tools: just({ tools: [geminiTool] }),
  "tools (googleSearch)": just({ tools: [{ googleSearch: {} }] }),
  "tools (codeExecution)": just({ tools: [{ codeExecution: {} }] }),
  "tools[].behavior": {
    fields: { tools: [{ functionDeclarations: [{ ...geminiTool.functionDeclarations[0], behavior: "NON_BLOCKING" }] }] },
    beside: { tools: [geminiTool] },
  },
  toolConfig: {
    fields: { tools: [geminiTool], toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["look"] } } },
    beside: { tools: [geminiTool] },
  },
  "toolConfig.retrievalConfig": just({ toolConfig: { retrievalConfig: { languageCode: "en" } } }),
  "toolConfig.includeServerSideToolInvocations": just({ toolConfig: { includeServerSideToolInvocations: true } }),
  ...each({
    serviceTier: "flex",
    labels: { team: "a" },
    cachedContent: "cachedContents/1",
    safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
    store: true,
  }),
  "generationConfig.temperature": config({ temperature: 0.5 }),
  "generationConfig.temperature (above 1)": config({ temperature: 1.5 }),
  "generationConfig.topP": config({ topP: 0.5 }),
  "generationConfig.topK": config({ topK: 5 }),
  "generationConfig.candidateCount": config({ candidateCount: 2 }),
  "generationConfig.candidateCount (streamed)": { fields: { generationConfig: { candidateCount: 2 } }, stream: true },
  "generationConfig.maxOutputTokens": config({ maxOutputTokens: 100 }),
  "generationConfig.stopSequences": config({ stopSequences: ["END"] }),
  "generationConfig.stopSequences (five)": config({ stopSequences: ["1", "2", "3", "4", "5"] }),
  "generationConfig.seed": config({ seed: 7 }),
  "generationConfig.presencePenalty": config({ presencePenalty: 0.5 }),
  "generationConfig.frequencyPenalty": config({ frequencyPenalty: 0.5 }),
  "generationConfig.responseLogprobs": config({ responseLogprobs: true }),
  "generationConfig.logprobs": {
    fields: { generationConfig: { responseLogprobs: true, logprobs: 2 } },
    beside: { generationConfig: { responseLogprobs: true } },
  },
  "generationConfig.thinkingConfig": config({ thinkingConfig: { thinkingLevel: "LOW" } }),
  "generationConfig.thinkingConfig.thinkingBudget": config({ thinkingConfig: { thinkingBudget: 2000 } }),
  "generationConfig.thinkingConfig.includeThoughts": {
    fields: { generationConfig: { thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true } } },
    beside: { generationConfig: { thinkingConfig: { thinkingLevel: "LOW" } } },
  },
  "generationConfig.responseMimeType": config({ responseMimeType: "application/json" }),
  "generationConfig.responseMimeType (text/x.enum)": config({
    responseMimeType: "text/x.enum",
    responseSchema: { type: "STRING", enum: ["a"] },
  }),
  "generationConfig.responseSchema": config({
    responseMimeType: "application/json",
    responseSchema: { type: "OBJECT", properties: { city: { type: "STRING" } } },
  }),
  "generationConfig.responseJsonSchema": config({ responseMimeType: "application/json", responseJsonSchema: schema }),
  "generationConfig._responseJsonSchema": config({ responseMimeType: "application/json", _responseJsonSchema: schema }),
  "generationConfig.audioTimestamp": config({ audioTimestamp: true }),
  "generationConfig.enableEnhancedCivicAnswers": config({ enableEnhancedCivicAnswers: true }),
  "generationConfig.imageConfig": config({ imageConfig: { aspectRatio: "1:1" } }),
  "generationConfig.mediaResolution": config({ mediaResolution: "MEDIA_RESOLUTION_LOW" }),
  "generationConfig.responseModalities": config({ responseModalities: ["IMAGE"] }),
  "generationConfig.routingConfig": config({ routingConfig: { manualMode: {} } }),
  "generationConfig.speechConfig": config({ speechConfig: { languageCode: "en" } }),
};

/** An example of every row of `docs/translation.md`, by dialect and by the row's first cell without its code marks. */
export const examples: Readonly<Record<ProtocolId, Readonly<Record<string, FieldExample>>>> = {
  "openai-chat": chat,
  "openai-responses": responses,
  "anthropic-messages": anthropic,
  "gemini-generate": gemini,
};
