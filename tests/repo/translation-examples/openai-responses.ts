import { each, just, schema, pixel, talk, type Fields, type FieldExample } from "./example.ts";

const flat = { type: "function", name: "look", parameters: schema };

const responsesUser = (...content: readonly object[]): Fields => ({
  input: [{ role: "user", content: [{ type: "input_text", text: "hi" }, ...content] }],
});
const responsesText = responsesUser();
const call = { type: "function_call", call_id: "call_1", name: "look", arguments: '{"city":"Bern"}' };
const question = { role: "user", content: "hi" };

/** Examples of the fields of this dialect. */
export const responses: Readonly<Record<string, FieldExample>> = {
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
  "input[].function_call": {
    fields: { input: [question, call, { type: "function_call_output", call_id: "call_1", output: "sun" }], tools: [flat] },
    beside: { tools: [flat] },
  },
  "input[].function_call (without tools)": just({
    input: [question, call, { type: "function_call_output", call_id: "call_1", output: "sun" }],
  }),
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
  "tools (code_interpreter)": just({ tools: [{ type: "code_interpreter", container: { type: "auto" } }] }),
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
