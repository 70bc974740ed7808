/** Requests of all dialects with as many of their parts as fit, and bodies of the admin API: what the fuzzer changes. `MODEL` is a model's name. */

const schema = {
  type: "object",
  properties: { city: { type: "string", enum: ["a", "b"] }, days: { type: "integer", minimum: 0 }, at: { $ref: "#/$defs/at" } },
  required: ["city"],
  additionalProperties: false,
  $defs: { at: { anyOf: [{ type: "null" }, { type: "array", items: { type: "number" } }] } },
};
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const chat = {
  model: "MODEL",
  messages: [
    { role: "system", content: "Be brief." },
    { role: "developer", content: [{ type: "text", text: "x" }] },
    {
      role: "user",
      name: "n",
      content: [
        { type: "text", text: "hi" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${pixel}`, detail: "low" } },
        { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AAAA" } },
        { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
      ],
    },
    {
      role: "assistant",
      content: null,
      reasoning_content: "hm",
      tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"city":"a"}' } }],
    },
    { role: "tool", tool_call_id: "c1", content: "sunny" },
    { role: "user", content: "and?" },
  ],
  tools: [{ type: "function", function: { name: "look", description: "d", strict: true, parameters: schema } }],
  tool_choice: { type: "function", function: { name: "look" } },
  parallel_tool_calls: true,
  response_format: { type: "json_schema", json_schema: { name: "r", strict: true, schema } },
  stream: false,
  stream_options: { include_usage: true },
  temperature: 1,
  top_p: 0.5,
  n: 1,
  stop: ["a", "b"],
  max_tokens: 10,
  max_completion_tokens: 10,
  reasoning_effort: "low",
  logit_bias: { "1": 2 },
  metadata: { a: "b" },
  service_tier: "auto",
  user: "u",
  seed: 1,
  provider: { order: ["a"], max_price: { prompt: 1 } },
  models: ["loopback"],
};

const responses = {
  model: "MODEL",
  instructions: "Be brief.",
  input: [
    {
      role: "user",
      content: [
        { type: "input_text", text: "hi" },
        { type: "input_image", image_url: `data:image/png;base64,${pixel}` },
      ],
    },
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "AAAA" },
    {
      type: "message",
      id: "msg_1",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: "x", annotations: [] }],
    },
    { type: "function_call", id: "fc_1", call_id: "c1", name: "look", arguments: '{"city":"a"}' },
    { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "sunny" }] },
    { type: "custom_tool_call", call_id: "c2", name: "patch", input: "x" },
    { type: "custom_tool_call_output", call_id: "c2", output: "done" },
  ],
  tools: [
    { type: "function", name: "look", description: "d", strict: false, parameters: schema },
    { type: "custom", name: "patch", format: { type: "grammar", syntax: "lark", definition: "start: x" } },
    { type: "web_search", search_context_size: "low" },
  ],
  tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "look" }] },
  reasoning: { effort: "low", summary: "auto" },
  text: { format: { type: "json_schema", name: "r", strict: true, schema }, verbosity: "low" },
  include: ["reasoning.encrypted_content"],
  max_output_tokens: 10,
  previous_response_id: null,
  prompt_cache_key: "k",
  store: false,
  stream: false,
  background: false,
  truncation: "auto",
  metadata: { a: "b" },
};

const messages = {
  model: "MODEL",
  max_tokens: 10,
  system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral", ttl: "1h" } }],
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "hi", cache_control: { type: "ephemeral" } },
        { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "x" }, title: "t", citations: { enabled: true } },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hm", signature: "AAAA" },
        { type: "redacted_thinking", data: "AAAA" },
        { type: "text", text: "x", citations: null },
        { type: "tool_use", id: "t1", name: "look", input: { city: "a" } },
      ],
    },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", is_error: false, content: [{ type: "text", text: "sunny" }] }] },
  ],
  tools: [
    { name: "look", description: "d", input_schema: schema },
    { type: "web_search_20250305", name: "web_search", max_uses: 2 },
  ],
  tool_choice: { type: "tool", name: "look", disable_parallel_tool_use: true },
  thinking: { type: "enabled", budget_tokens: 1024 },
  stop_sequences: ["a"],
  stream: false,
  temperature: 1,
  top_k: 4,
  metadata: { user_id: "u" },
  context_management: { edits: [{ type: "clear_tool_uses_20250919" }] },
};

const gemini = {
  systemInstruction: { parts: [{ text: "Be brief." }] },
  contents: [
    {
      role: "user",
      parts: [{ text: "hi" }, { inlineData: { mimeType: "image/png", data: pixel } }, { fileData: { fileUri: "gs://a/b" } }],
    },
    {
      role: "model",
      parts: [{ text: "hm", thought: true, thoughtSignature: "AAAA" }, { functionCall: { id: "f1", name: "look", args: { city: "a" } } }],
    },
    { role: "user", parts: [{ functionResponse: { id: "f1", name: "look", response: { output: "sunny" } } }] },
  ],
  tools: [{ functionDeclarations: [{ name: "look", description: "d", parametersJsonSchema: schema }] }, { googleSearch: {} }],
  toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["look"] } },
  generationConfig: {
    temperature: 1,
    topP: 0.5,
    maxOutputTokens: 10,
    stopSequences: ["a"],
    candidateCount: 1,
    responseMimeType: "application/json",
    responseJsonSchema: schema,
    thinkingConfig: { includeThoughts: true, thinkingBudget: 10 },
  },
  safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }],
  cachedContent: "cachedContents/a",
  labels: { a: "b" },
};

/** A path with `MODEL` in it, and the body that belongs to it. */
export interface Seed {
  readonly method: "POST" | "PATCH";
  readonly path: string;
  readonly body: unknown;
}

const post = (path: string, body: unknown): Seed => ({ method: "POST", path, body });

/** For a key of a user. */
export const modelSeeds: readonly Seed[] = [
  post("/v1/chat/completions", chat),
  post("/v1/chat/completions", { ...chat, stream: true }),
  post("/openai/deployments/MODEL/chat/completions", chat),
  post("/v1/responses", responses),
  post("/v1/responses", { ...responses, stream: true }),
  post("/v1/responses/input_tokens", responses),
  post("/v1/messages", messages),
  post("/v1/messages", { ...messages, stream: true }),
  post("/v1/messages/count_tokens", messages),
  post("/v1beta/models/MODEL:generateContent", gemini),
  post("/v1beta/models/MODEL:streamGenerateContent?alt=sse", gemini),
  post("/v1beta/models/MODEL:streamGenerateContent", gemini),
  post("/v1beta/models/MODEL:countTokens", { generateContentRequest: { model: "models/MODEL", ...gemini } }),
  post("/v1/embeddings", { model: "MODEL", input: ["a", "b"], dimensions: 8, encoding_format: "base64", user: "u" }),
  post("/v1beta/models/MODEL:embedContent", { content: { parts: [{ text: "a" }] }, taskType: "RETRIEVAL_QUERY", outputDimensionality: 8 }),
  post("/v1beta/models/MODEL:batchEmbedContents", { requests: [{ model: "models/MODEL", content: { parts: [{ text: "a" }] } }] }),
  post("/api/v1/me/keys", { name: "n", expires: "30d", models: ["a*", "!ab"] }),
];

/** For an admin's key; `ID` is that of a user who calls nothing. */
export const adminSeeds: readonly Seed[] = [
  post("/api/v1/users", { username: "NAME", email: "a@example.invalid", role: "user", tags: ["team:a"] }),
  { method: "PATCH", path: "/api/v1/users/ID", body: { email: null, role: "user", tags: ["team:b"] } },
  post("/api/v1/users/ID/disable", {}),
  post("/api/v1/users/ID/enable", {}),
  post("/api/v1/keys", { user: "ID", name: "n", role: "user", expires: "2030-01-01", models: ["*"], tags: ["team:a"] }),
  post("/api/v1/budgets", { user: "ID", period: "month", warn_usd: "1.50", stop_usd: "2" }),
  post("/api/v1/limits", { subject: "ID", requests_per_minute: 5, tokens_per_minute: null, concurrent: 2 }),
  post("/api/v1/ledger/reprice", { from: "7d", to: "1d", dry_run: true }),
  post("/api/v1/secrets/rotate", { only: "sealing" }),
  post("/api/v1/reload", {}),
  post("/api/v1/session", {}),
];

/** For an admin's key; the market is off, so that no other gateway is called, and `ID` is no key's. */
export const marketSeeds: readonly Seed[] = [
  post("/api/v1/market/shares", {
    model: "loopback",
    input: "1",
    output: "2",
    cache_read: "0.1",
    licence: "MIT",
    concurrency: 2,
    context: 1000,
  }),
  post("/api/v1/market/invites", { limit: "5" }),
  post("/api/v1/market/peers", { invite: "x", name: "n" }),
  { method: "PATCH", path: "/api/v1/market/peers/ID", body: { limit: "5", blocked: true, credit: "1" } },
  post("/api/v1/market/pause", { paused: true }),
  post("/api/v1/market/relays", { name: "n" }),
  {
    method: "PATCH",
    path: "/api/v1/market/shares/ID",
    body: { rule: "margin", share: 0.2, floor_input: "0.1", floor_output: "0.1", hours: ["20:00-07:00"], concurrency: 2 },
  },
  post("/api/v1/market/arbitrage", { model: "m", on: true, min_saving: 0.1, share: 0.01 }),
  post("/api/v1/market/policies", { model: "m", policy: "spill", max_price: "0.3", min_saving: 0.1 }),
  post("/api/v1/exchange/invites", { limit: "5" }),
  { method: "PATCH", path: "/api/v1/exchange/members/ID", body: { limit: "5", blocked: true, credit: "1", reason: "paid" } },
  { method: "PATCH", path: "/api/v1/keys/ID", body: { name: "n", expires: "30d", models: ["*"], tags: ["team:a"], market: "off" } },
  post("/api/v1/keys/ID/rotate", { overlap: "24h" }),
];
