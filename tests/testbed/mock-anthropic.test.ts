import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import Anthropic, { BadRequestError, NotFoundError } from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { createMockUpstream } from "./mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream.ts";
import type { ScenarioUsage } from "./scenario.ts";

let mock: MockUpstream;
let client: Anthropic;
before(async () => {
  mock = await createMockUpstream();
  client = new Anthropic({ apiKey: "sk-test", baseURL: mock.url, maxRetries: 0 });
});
afterEach(() => mock.reset());
after(() => mock.close());

const base = { model: "claude-mock", max_tokens: 4000, messages: [{ role: "user" as const, content: "hi" }] };
const weather = {
  name: "weather",
  input_schema: { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] },
};
const weatherTool = {
  name: "weather",
  description: "",
  inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
} as const;

function wireUsage(usage: ScenarioUsage): object {
  return {
    input_tokens: usage.input - usage.cached - usage.cacheWrite5m - usage.cacheWrite1h,
    cache_creation_input_tokens: usage.cacheWrite5m + usage.cacheWrite1h,
    cache_read_input_tokens: usage.cached,
    cache_creation: { ephemeral_5m_input_tokens: usage.cacheWrite5m, ephemeral_1h_input_tokens: usage.cacheWrite1h },
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.reasoning },
    server_tool_use: null,
    service_tier: "standard",
    inference_geo: "not_available",
    speed: null,
  };
}

test("the stream helper collects thinking, text and parallel calls; the JSON answer is the same message", async () => {
  const scenario = {
    reasoning: ["Let me ", "think"],
    text: ["Hel", "lo ✓"],
    toolCalls: [
      { name: "weather", arguments: { city: "Zürich" }, id: "toolu_a" },
      { name: "weather", arguments: { city: "東京" }, id: "toolu_b", fragments: ['{"city":', '"東京"}'] },
    ],
    usage: { input: 100, cached: 30, cacheWrite5m: 20, cacheWrite1h: 10, output: 9, reasoning: 4 },
  };
  mock.enqueue({ ...scenario, delayBetweenChunksMs: 0 }, scenario);
  const streamed = await client.messages.stream(base).finalMessage();
  const whole = await client.messages.create(base);
  const signature = (serial: number): string => Buffer.from(`anthropic-signature-${serial}`).toString("base64");
  const message = (serial: number): object => ({
    model: "claude-mock",
    id: `msg_mock${serial}`,
    type: "message",
    role: "assistant",
    content: [
      { type: "thinking", thinking: "Let me think", signature: signature(serial) },
      { type: "text", text: "Hello ✓", citations: null },
      { type: "tool_use", id: "toolu_a", name: "weather", input: { city: "Zürich" }, caller: { type: "direct" } },
      { type: "tool_use", id: "toolu_b", name: "weather", input: { city: "東京" }, caller: { type: "direct" } },
    ],
    container: null,
    diagnostics: null,
    stop_reason: "tool_use",
    stop_sequence: null,
    stop_details: null,
    usage: wireUsage(scenario.usage),
  });
  assert.deepEqual(plain(whole), message(2));
  assert.deepEqual(plain(streamed), { ...message(1), parsed_output: null });
  assert.deepEqual(
    mock.requests.map((request) => request.reportedUsage),
    [scenario.usage, scenario.usage],
  );
});

test("blocks are strictly serial on the wire: each is opened, signed where it thinks, and closed before the next", async () => {
  mock.enqueue({ reasoning: ["hm"], text: ["a", "b"], toolCalls: [{ name: "weather", arguments: "{}", fragments: ["{", "}"] }] });
  const seen: unknown[] = [];
  for await (const event of await client.messages.create({ ...base, stream: true })) {
    let detail = "";
    if (event.type === "content_block_start") detail = event.content_block.type;
    if (event.type === "content_block_delta") detail = event.delta.type;
    seen.push([event.type, "index" in event ? event.index : null, detail].join(" "));
  }
  assert.deepEqual(seen, [
    "message_start  ",
    "content_block_start 0 thinking",
    "content_block_delta 0 thinking_delta",
    "content_block_delta 0 signature_delta",
    "content_block_stop 0 ",
    "content_block_start 1 text",
    "content_block_delta 1 text_delta",
    "content_block_delta 1 text_delta",
    "content_block_stop 1 ",
    "content_block_start 2 tool_use",
    "content_block_delta 2 input_json_delta",
    "content_block_delta 2 input_json_delta",
    "content_block_stop 2 ",
    "message_delta  ",
    "message_stop  ",
  ]);
});

test("the tool runner calls the first tool once, streaming or not", async () => {
  for (const stream of [false, true]) {
    mock.reset();
    const given: unknown[] = [];
    const run = (input: unknown): string => {
      given.push(input);
      return "sunny";
    };
    const tool = betaTool({ ...weatherTool, run });
    const runner = client.beta.messages.toolRunner({ ...base, tools: [tool], stream });
    const message = await runner.runUntilDone();
    assert.deepEqual(given, [{ city: "Zürich" }]);
    assert.equal(mock.requests.length, 2);
    assert.equal(message.stop_reason, "end_turn");
    // The runner of SDK 1.x lets the server hold the conversation: the second request has the result alone.
    const second = JSON.parse(String(mock.requests[1]?.body)) as { messages: unknown[]; thread: unknown; tools?: unknown };
    assert.deepEqual(
      [second.messages.length, second.thread, second.tools],
      [1, { type: "continue", previous_message_id: "msg_mock1" }, undefined],
    );
    assert.deepEqual(
      message.content.map((block) => (block.type === "text" ? block.text : null)),
      [mock.requests[1]?.scenario?.text.join("")],
    );
  }
});

test("the tool runner goes on without a thread where the server says it has none", async () => {
  mock.enqueue({ trouble: { kind: "error", error: { status: 400, code: "thread_unsupported_request" } } });
  const tool = betaTool({ ...weatherTool, run: () => "sunny" });
  const message = await client.beta.messages.toolRunner({ ...base, tools: [tool] }).runUntilDone();
  assert.equal(message.stop_reason, "end_turn");
  const bodies = mock.requests.map((request) => JSON.parse(String(request.body)) as { messages: unknown[]; thread?: unknown });
  assert.deepEqual(
    bodies.map((body) => [body.messages.length, body.thread]),
    [
      [1, { type: "create" }],
      [1, undefined],
      [3, undefined],
    ],
  );
});

test("a lost or an unannounced thread is refused", async () => {
  const thread = { type: "continue", previous_message_id: "msg_gone" };
  const lost = client.beta.messages.create({ ...base, thread, betas: ["message-threads-2026-08-12"] } as never);
  await assert.rejects(lost, (error: unknown) => error instanceof NotFoundError && error.errorCode === "thread_not_found");
  await assert.rejects(client.messages.create({ ...base, thread } as never), /thread: Extra inputs are not permitted/);
});

test("thinking is streamed where it is asked for, without its text where it is to be omitted", async () => {
  const ask = (display: "omitted" | "summarized"): Promise<Anthropic.Message> =>
    client.messages.stream({ ...base, thinking: { type: "adaptive", display } }).finalMessage();
  const [omitted, shown] = [await ask("omitted"), await ask("summarized")];
  assert.deepEqual([omitted.content[0], shown.content[0]], [
    { type: "thinking", thinking: "", signature: Buffer.from("anthropic-signature-1").toString("base64") },
    { type: "thinking", thinking: "Let me think about this. ✓", signature: Buffer.from("anthropic-signature-2").toString("base64") },
  ] as object);
  assert.ok((omitted.usage.output_tokens_details?.thinking_tokens ?? 0) > 0);
});

test("stop reasons are Anthropic's", async () => {
  const stops = ["end", "length", "filter", "stop-sequence", "pause", "context-window"] as const;
  mock.enqueue(...stops.map((stop) => ({ text: ["x"], stop })), { refusal: "no" }, { text: ["x"], rawStop: "brand_new" });
  const seen: unknown[] = [];
  for (let at = 0; at < 8; at += 1) {
    const { stop_reason, stop_sequence } = await client.messages.create({ ...base, stop_sequences: ["###"] });
    seen.push([stop_reason, stop_sequence]);
  }
  assert.deepEqual(seen, [
    ["end_turn", null],
    ["max_tokens", null],
    ["refusal", null],
    ["stop_sequence", "###"],
    ["pause_turn", null],
    ["model_context_window_exceeded", null],
    ["refusal", null],
    ["brand_new", null],
  ]);
});

test("wrong requests get Anthropic's 400", async () => {
  const call = { type: "tool_use", id: "toolu_1", name: "weather", input: {} };
  const cached = { type: "text", text: "x", cache_control: { type: "ephemeral" } };
  const cases: readonly (readonly [object, string])[] = [
    [{ max_tokens: undefined }, "max_tokens: Field required"],
    [{ messages: undefined }, "messages: Field required"],
    [{ thinking: { type: "enabled", budget_tokens: 4000 } }, "`max_tokens` must be greater than `thinking.budget_tokens`."],
    [{ messages: [{ role: "user", content: [{ type: "text", text: "" }] }] }, "messages: text content blocks must be non-empty"],
    [
      { messages: [{ role: "user", content: Array.from({ length: 5 }, () => cached) }] },
      "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ],
    [{ tools: [{ name: "x", input_schema: {} }] }, "tools.0.custom.input_schema.type: Field required"],
    [
      { messages: [...base.messages, { role: "assistant", content: [call] }, { role: "user", content: "and?" }] },
      "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
    ],
    [
      { messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_2", content: "" }] }] },
      "messages.0.content: unexpected `tool_use_id` found in `tool_result` blocks: toolu_2. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.",
    ],
  ];
  for (const [change, message] of cases) {
    await assert.rejects(client.messages.create({ ...base, ...change } as never), (error: unknown) => {
      assert.ok(error instanceof BadRequestError);
      assert.deepEqual([error.type, error.apiMessage], ["invalid_request_error", message]);
      return true;
    });
  }
});

test("a system message between the turns is taken, a forced tool is called and `none` is obeyed", async () => {
  const messages = [
    { role: "user" as const, content: "hi" },
    { role: "system" as const, content: "be brief" },
  ];
  const tools = [{ ...weather, name: "first" }, weather];
  const forced = await client.messages.create({ ...base, messages, tools, tool_choice: { type: "tool", name: "weather" } });
  assert.deepEqual(
    forced.content.map((block) => (block.type === "tool_use" ? block.name : block.type)),
    ["weather"],
  );
  const none = await client.messages.create({ ...base, messages, tools, tool_choice: { type: "none" } });
  assert.deepEqual(
    none.content.map((block) => block.type),
    ["text"],
  );
});

test("tokens are counted; models are listed for the version header", async () => {
  const counted = await client.messages.countTokens({ model: "claude-mock", messages: base.messages });
  assert.ok(counted.input_tokens > 40);
  const listed = await client.models.list();
  assert.deepEqual(
    listed.data.map((model) => [model.id, model.type, model.max_tokens]),
    [
      ["mock-large", "model", 64_000],
      ["mock-small", "model", 64_000],
    ],
  );
  assert.equal((await client.models.retrieve("mock-small")).display_name, "Mock mock-small");
});

test("a request without the version header is refused", async () => {
  const response = await fetch(`${mock.url}/v1/messages`, { method: "POST", body: JSON.stringify(base) });
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), {
    type: "error",
    error: { details: null, type: "invalid_request_error", message: "anthropic-version: header is required" },
    request_id: "req_mock1",
  });
});

/** Without what the SDK adds out of sight. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
