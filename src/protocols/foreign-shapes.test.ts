import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../core/index.ts";
import { protocolIds, type ChatRequest, type ProtocolId } from "../ir/index.ts";
import { bodyOf } from "./testing.ts";
import { protocols, type RouteCall } from "./index.ts";

/** A request of each dialect with one turn of the user. */
const plain: Readonly<Record<ProtocolId, object>> = {
  "openai-chat": { model: "m", messages: [{ role: "user", content: "hi" }] },
  "openai-responses": { model: "m", input: [{ role: "user", content: "hi" }] },
  "anthropic-messages": { model: "m", max_tokens: 9, messages: [{ role: "user", content: "hi" }] },
  "gemini-generate": { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
};

function parse(id: ProtocolId, fields: object): ChatRequest {
  const route = protocols.get(id)!.routes.find(({ operation }) => operation === "generate")!;
  const call: RouteCall = { route, param: "m", query: "" };
  return protocols.get(id)!.parseRequest({ ...plain[id], ...fields }, call);
}

function render(request: ChatRequest, id: ProtocolId): Record<string, unknown> {
  return bodyOf(protocols.get(id)!.upstream.renderRequest(request, { model: "claude-sonnet-4-5", stream: false, quirks: {} }));
}

/** The list of messages under a dialect's own name. */
function talk(id: ProtocolId, ...messages: readonly object[]): object {
  if (id === "gemini-generate") return { contents: messages };
  return id === "openai-responses" ? { input: messages } : { messages };
}

const schema = { type: "object", properties: { city: { type: "string" } } };
const look = { type: "function", name: "look", description: "Looks.", parameters: schema };

const toolShapes: readonly object[] = [
  { name: "look", description: "Looks.", input_schema: schema },
  { type: "custom", name: "look", description: "Looks.", input_schema: schema },
  { type: "function", name: "look", description: "Looks.", parameters: schema },
  { type: "function", function: { name: "look", description: "Looks.", parameters: schema } },
  { name: "look", description: "Looks.", parameters: schema },
  { functionDeclarations: [{ name: "look", description: "Looks.", parametersJsonSchema: schema }] },
];

test("a tool in the shape of any dialect is a function in each of them (report 310)", () => {
  for (const id of protocolIds) {
    for (const shape of toolShapes) {
      const { tools } = parse(id, { tools: [shape] });
      assert.deepEqual(
        tools?.map(({ extensions: _own, ...tool }: object & { extensions?: unknown }) => tool),
        [look],
        `${id} ${JSON.stringify(shape)}`,
      );
    }
  }
});

test("a choice in the shape of any dialect is read in each that has one, with what it says of parallel calls", () => {
  const named = { type: "named", name: "look" };
  const shapes: readonly (readonly [unknown, object])[] = [
    [{ type: "tool", name: "look" }, named],
    [{ type: "function", name: "look" }, named],
    [{ type: "function", function: { name: "look" } }, named],
    [{ type: "any" }, { type: "required" }],
    [{ type: "auto" }, { type: "auto" }],
    ["required", { type: "required" }],
    ["any", { type: "required" }],
    ["none", { type: "none" }],
  ];
  for (const id of protocolIds.filter((each) => each !== "gemini-generate")) {
    for (const [choice, expected] of shapes) {
      assert.deepEqual(
        parse(id, { tools: toolShapes.slice(0, 1), tool_choice: choice }).toolChoice,
        expected,
        `${id} ${JSON.stringify(choice)}`,
      );
    }
    const single = parse(id, { tools: toolShapes.slice(0, 1), tool_choice: { type: "any", disable_parallel_tool_use: true } });
    assert.equal(single.parallelToolCalls, false, id);
    assert.throws(() => parse(id, { tool_choice: "some" }), GatewayError, id);
  }
  const mode = { toolConfig: { functionCallingConfig: { mode: "any" } } };
  assert.deepEqual(parse("gemini-generate", mode).toolChoice, { type: "required" });
});

const image = "data:image/png;base64,aaaa";
const png = { type: "base64", mediaType: "image/png", data: "aaaa" };
const partShapes: readonly (readonly [object | string, object])[] = [
  ["hello", { type: "text", text: "hello" }],
  [
    { type: "input_text", text: "a" },
    { type: "text", text: "a" },
  ],
  [
    { type: "text", text: "a" },
    { type: "text", text: "a" },
  ],
  [
    { type: "image", source: { type: "base64", media_type: "image/png", data: "aaaa" } },
    { type: "media", kind: "image", source: png },
  ],
  [
    { type: "image_url", image_url: { url: image } },
    { type: "media", kind: "image", source: png },
  ],
  [
    { type: "image_url", image_url: image },
    { type: "media", kind: "image", source: png },
  ],
  [
    { type: "input_image", image_url: image },
    { type: "media", kind: "image", source: png },
  ],
  [
    { type: "document", source: { type: "text", media_type: "text/plain", data: "d" }, title: "t" },
    { type: "media", kind: "document", source: { type: "text", text: "d" }, filename: "t" },
  ],
  [
    { type: "input_file", file_data: "data:application/pdf;base64,bbbb", filename: "f.pdf" },
    { type: "media", kind: "document", source: { type: "base64", mediaType: "application/pdf", data: "bbbb" }, filename: "f.pdf" },
  ],
];

test("a part in the shape of any dialect is read as what it is", () => {
  for (const id of protocolIds) {
    for (const [shape, expected] of partShapes) {
      const { messages } = parse(id, talk(id, { role: "user", content: [shape] }));
      const [block] = messages.at(-1)!.content;
      const { extensions: _own, ...read } = block as object & { extensions?: unknown };
      assert.deepEqual(read, expected, `${id} ${JSON.stringify(shape)}`);
    }
  }
});

const toolLoop: readonly object[] = [
  { role: "user", content: "hi" },
  {
    role: "assistant",
    content: [
      { type: "thinking", thinking: "Hm.", signature: "s" },
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: "c1", name: "look", input: { city: "Bern" } },
    ],
  },
  { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: [{ type: "text", text: "rain" }], is_error: true }] },
];
const chatLoop: readonly object[] = [
  { role: "user", content: "hi" },
  {
    role: "assistant",
    content: "Let me look.",
    tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: { city: "Bern" } } }],
  },
  { role: "tool", tool_call_id: "c1", content: "rain" },
];

test("a part of no known type is a 400 of Chat that names it, and a block of Anthropic's own tools goes to Claude alone", () => {
  const content = [
    { type: "text", text: "hi" },
    { type: "server_tool_use", id: "s", name: "web_search", input: {} },
  ];
  const request = parse("openai-chat", { messages: [{ role: "user", content }] });
  assert.deepEqual(render(request, "anthropic-messages")["messages"], [{ role: "user", content }]);
  assert.deepEqual(render(request, "openai-chat")["messages"], [{ role: "user", content: "hi" }]);
  assert.throws(
    () => parse("openai-chat", { messages: [{ role: "user", content: [{ type: "hologram" }] }] }),
    /messages\[0\]\.content\[0\]\.type/,
  );
});

test("tools that Google runs, and a mark at the top of a Chat request, are read", () => {
  const mark = { cache_control: { type: "ephemeral" } };
  const chat = parse("openai-chat", { tools: [{ google_search: {} }], ...mark });
  assert.deepEqual(chat.tools, [{ type: "server", name: "googleSearch", protocol: "gemini-generate", wire: { googleSearch: {} } }]);
  assert.deepEqual(render(chat, "gemini-generate")["tools"], [{ googleSearch: {} }]);
  assert.deepEqual(render(chat, "anthropic-messages")["cache_control"], mark.cache_control);
  assert.throws(() => parse("gemini-generate", { contents: undefined, messages: [] }), /\/v1\/chat\/completions/);
});

test("calls and results in the shape of Anthropic or Chat reach an upstream of every other protocol", () => {
  for (const id of protocolIds) {
    for (const loop of id === "gemini-generate" ? [toolLoop] : [toolLoop, chatLoop]) {
      const request = parse(id, { ...talk(id, ...loop), tools: toolShapes.slice(0, 1) });
      for (const to of protocolIds) {
        const sent = JSON.stringify(render(request, to));
        for (const piece of ["Let me look.", "look", "c1", "Bern", "rain"])
          assert.ok(sent.includes(piece), `${id} → ${to}: ${piece} in ${sent}`);
      }
    }
  }
});

test("fields at the top under another dialect's name are read, and the dialect's own win", () => {
  const chat = parse("openai-chat", {
    system: [{ type: "text", text: "Be short." }],
    max_output_tokens: "77",
    stop_sequences: ["x"],
    thinking: { type: "enabled", budget_tokens: 2048 },
  });
  assert.deepEqual(chat, {
    model: "m",
    stream: false,
    messages: [
      { role: "system", content: [{ type: "text", text: "Be short." }] },
      { role: "user", content: [{ type: "text", text: "hi" }] },
    ],
    reasoning: { enabled: true, budgetTokens: 2048 },
    maxOutputTokens: 77,
    stop: ["x"],
  });
  assert.deepEqual(parse("openai-chat", { reasoning: { effort: "high", exclude: true } }).reasoning, {
    effort: "high",
    visibility: "none",
  });
  const own = parse("openai-chat", { max_tokens: 5, maxTokens: 6, reasoning_effort: "low", thinking: { type: "disabled" } });
  assert.deepEqual([own.maxOutputTokens, own.reasoning], [5, { effort: "low" }]);
  assert.deepEqual(own.extensions, { "openai-chat": { maxTokens: 6, thinking: { type: "disabled" } } });
  const responses = parse("openai-responses", { max_tokens: 8, reasoning_effort: "low", system: "S" });
  assert.deepEqual([responses.maxOutputTokens, responses.reasoning, responses.messages.length], [8, { effort: "low" }, 2]);
  const anthropic = parse("anthropic-messages", { max_tokens: undefined, max_completion_tokens: 8, stop: "x", reasoning_effort: "low" });
  assert.deepEqual([anthropic.maxOutputTokens, anthropic.stop, anthropic.reasoning], [8, ["x"], { effort: "low" }]);
});

test("the form of the answer is read under every dialect's name, and in the shapes of compatible servers", () => {
  const form = { type: "json-schema", schema };
  const shapes: readonly object[] = [
    { response_format: { type: "json_schema", json_schema: { schema, name: "n" } } },
    { response_format: { type: "json_schema", schema, name: "n" } },
    { response_format: { type: "json_object", schema, name: "n" } },
    { text: { format: { type: "json_schema", schema, name: "n" } } },
    { output_config: { format: { type: "json_schema", schema } } },
  ];
  for (const id of protocolIds.filter((each) => each !== "gemini-generate")) {
    for (const shape of shapes) {
      const { responseFormat } = parse(id, shape);
      const { name: _name, isEnforced: _own, ...read } = responseFormat as object & { name?: string; isEnforced?: true };
      assert.deepEqual(read, form, `${id} ${JSON.stringify(shape)}`);
    }
  }
});

test("the messages of a Chat request are an input, and a body of Responses sent to Chat is refused with the right path", () => {
  const { messages } = parse("openai-responses", { input: undefined, messages: chatLoop });
  assert.deepEqual(messages, [
    { role: "user", content: [{ type: "text", text: "hi" }] },
    {
      role: "assistant",
      content: [
        { type: "text", text: "Let me look." },
        { type: "tool-call", id: "c1", name: "look", kind: "function", arguments: '{"city":"Bern"}' },
      ],
    },
    { role: "user", content: [{ type: "tool-result", callId: "c1", content: [{ type: "text", text: "rain" }] }] },
  ]);
  assert.throws(() => parse("openai-chat", { messages: undefined, input: "hi" }), /\/v1\/responses/);
});

test("the mark of a whole message or of a tool reaches its block at Claude (report 307)", () => {
  const mark = { cache_control: { type: "ephemeral", ttl: "1h" } };
  const messages = [
    { role: "system", content: "S", ...mark },
    { role: "user", content: "hi", ...mark },
    { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "c1", content: "rain", ...mark },
  ];
  const tools = [{ type: "function", function: { name: "look", parameters: schema, ...mark } }];
  const expected = {
    system: [{ type: "text", text: "S", ...mark }],
    tools: [{ name: "look", input_schema: schema, ...mark }],
    messages: [
      { role: "user", content: [{ type: "text", text: "hi", ...mark }] },
      { role: "assistant", content: [{ type: "tool_use", id: "c1", name: "look", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: [{ type: "text", text: "rain" }], ...mark }] },
    ],
  };
  const responses = [
    messages[0]!,
    { role: "user", content: [{ type: "input_text", text: "hi", ...mark }] },
    { type: "function_call", call_id: "c1", name: "look", arguments: "{}" },
    { type: "function_call_output", call_id: "c1", output: "rain", ...mark },
  ];
  for (const request of [
    parse("openai-chat", { messages, tools }),
    parse("openai-responses", { input: responses, tools: [{ type: "function", name: "look", parameters: schema, ...mark }] }),
  ]) {
    const rendered = protocols
      .get("anthropic-messages")!
      .upstream.renderRequest(request, { model: "claude-sonnet-4-5", stream: false, quirks: {} });
    const { system, tools: sent, messages: turns } = bodyOf(rendered);
    assert.deepEqual({ system, tools: sent, messages: turns }, expected);
    assert.deepEqual(rendered.losses, []);
  }
});
