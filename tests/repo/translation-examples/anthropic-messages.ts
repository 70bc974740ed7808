import { each, just, schema, pixel, talk, type Fields, type FieldExample } from "./example.ts";

const anthropicTool = { name: "look", input_schema: schema };

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

/** Examples of the fields of this dialect. */
export const anthropic: Readonly<Record<string, FieldExample>> = {
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
  "tools (web_fetch)": just({ tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }),
  "tools (code_execution)": just({ tools: [{ type: "code_execution_20250825", name: "code_execution" }] }),
  "tool_choice (web_search)": {
    fields: { tools: [{ type: "web_search_20250305", name: "web_search" }], tool_choice: { type: "tool", name: "web_search" } },
    beside: { tools: [{ type: "web_search_20250305", name: "web_search" }] },
  },
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
