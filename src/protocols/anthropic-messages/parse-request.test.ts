import type Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExact, asBytes } from "../../core/index.ts";
import type { ChatRequest } from "../../ir/index.ts";
import { anthropicMessages } from "./index.ts";
import { parseRequest } from "./parse-request.ts";
import { callOf, generateCall, wireFixture } from "./testing.ts";

const parse = (wire: unknown): ChatRequest => parseRequest(wire, generateCall);
const own = (fields: Record<string, unknown>) => ({ extensions: { "anthropic-messages": fields } });
const base = { model: "m", max_tokens: 10 } as const;

test("the tool loop of the official SDK is parsed", () => {
  const call = (id: string, step: string) => ({
    type: "tool-call",
    id,
    name: "bash",
    kind: "function",
    arguments: `{"command":"printf '%s' '${step}' > /work"}`,
    ...own({ caller: { type: "direct" } }),
  });
  const result = (callId: string, text: string) => ({ type: "tool-result", callId, content: [{ type: "text", text }] });
  const thought = (n: number) => ({
    type: "reasoning",
    text: `I must do step ${n} of two.`,
    proof: { protocol: "anthropic-messages", kind: "signature", data: `ANTSIG.${n}=` },
  });
  assert.deepEqual(parse(wireFixture("node-sdk-tool-loop.json")), {
    model: "claude-sonnet-4-5",
    stream: true,
    messages: [
      { role: "system", content: [{ type: "text", text: "sys", cache: {} }] },
      { role: "user", content: [{ type: "text", text: "Do the task." }] },
      {
        role: "assistant",
        content: [thought(0), { type: "text", text: "Step 0: I will use a tool. ✓" }, call("toolu_d96438ff7f1f5dec54f5a2a4", "step-0-0")],
      },
      { role: "user", content: [result("toolu_d96438ff7f1f5dec54f5a2a4", "step-0-0\n")] },
      {
        role: "assistant",
        content: [
          thought(1),
          { type: "text", text: "Step 1: I will use a tool. ✓" },
          call("toolu_bf02522aecb7727ec883b9b4", "step-1-0"),
          call("toolu_8da79e8ce855315fe7ee4911", "step-1-1"),
        ],
      },
      {
        role: "user",
        content: [result("toolu_bf02522aecb7727ec883b9b4", "step-1-0\n"), result("toolu_8da79e8ce855315fe7ee4911", "step-1-1\n")],
      },
    ],
    tools: [
      {
        type: "function",
        name: "bash",
        description: "run",
        parameters: { type: "object", properties: { command: { type: "string" } }, required: ["command"] },
      },
    ],
    reasoning: { enabled: true, budgetTokens: 2000 },
    maxOutputTokens: 8000,
  });
});

test("the first body of Claude Code: a system turn among the messages, deferred tools, adaptive thinking, fields without a neutral name", () => {
  const request = parse(wireFixture("claude-code-first.json"));
  assert.deepEqual(request.messages.slice(0, 1), [
    {
      role: "system",
      content: [
        { type: "text", text: "You are a Claude agent, built on Anthropic's Claude Agent SDK.", cache: {} },
        { type: "text", text: "\nYou are an agent working with the user toward their goals, using your…", cache: {} },
      ],
    },
  ]);
  assert.deepEqual(request.messages.slice(2), [
    {
      role: "system",
      content: [{ type: "text", text: "# Environment\nYou have been invoked in the following environment: \n - …", cache: {} }],
      ...own({ output_config: { effort: "medium" } }),
    },
  ]);
  assert.deepEqual(request.tools?.[1], {
    type: "function",
    name: "DeferredToolPlaceholder",
    description: "Reserved placeholder that keeps deferred tool loading active; never call this tool.",
    parameters: { type: "object", properties: {} },
    ...own({ defer_loading: true }),
  });
  const { messages: _, tools: __, ...rest } = request;
  assert.deepEqual(rest, {
    model: "claude-opus-5-5",
    stream: true,
    reasoning: { adaptive: true, visibility: "none", effort: "medium" },
    maxOutputTokens: 128000,
    endUser: '{"device_id":"d","account_uuid":"","session_id":"s"}',
    ...own({ context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] } }),
  });
});

test("the line with the version of Claude Code is not part of the instructions", () => {
  const systemOf = (system: unknown) => parse({ ...base, system, messages: [] }).messages;
  const line = "x-anthropic-billing-header: cc_version=2.1.330; cc_entrypoint=cli;";
  assert.deepEqual(systemOf(line), []);
  assert.deepEqual(systemOf([{ type: "text", text: line }]), []);
  assert.deepEqual(systemOf(`${line}\nBe kind.`), [{ role: "system", content: [{ type: "text", text: "Be kind." }] }]);
  const quoted = `Never write\n${line}`;
  assert.deepEqual(systemOf(quoted), [{ role: "system", content: [{ type: "text", text: quoted }] }]);
});

test("tool results of Claude Code: images, tool references, is_error, text behind a result, thinking whose text is omitted", () => {
  assert.deepEqual(parse(wireFixture("claude-code-images.json")).messages, [
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "", proof: { protocol: "anthropic-messages", kind: "signature", data: "ANTSIG.0=" } },
        { type: "text", text: "Step 0: I will use a tool. ✓" },
        {
          type: "tool-call",
          id: "toolu_663e8779dac187a62b939ffe",
          name: "Read",
          kind: "function",
          arguments: '{"file_path":"/work"}',
          ...own({ caller: { type: "direct" } }),
        },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool-result",
          callId: "toolu_663e8779dac187a62b939ffe",
          content: [
            {
              type: "media",
              kind: "image",
              source: {
                type: "base64",
                mediaType: "image/png",
                data: "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC",
              },
            },
          ],
        },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "reasoning", text: "", proof: { protocol: "anthropic-messages", kind: "signature", data: "ANTSIG.0=" } },
        { type: "text", text: "Step 1: I will use a tool. ✓" },
        {
          type: "tool-call",
          id: "toolu_243c61a075d8b68bac8cd5ab",
          name: "ToolSearch",
          kind: "function",
          arguments: '{"query":"select:WebFetch,NotebookEdit","max_results":2}',
          ...own({ caller: { type: "direct" } }),
        },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool-result",
          callId: "toolu_243c61a075d8b68bac8cd5ab",
          content: [
            { type: "text", text: "Tool WebFetch loaded.", ...own({ type: "tool_reference", tool_name: "WebFetch" }) },
            { type: "text", text: "Tool NotebookEdit loaded.", ...own({ type: "tool_reference", tool_name: "NotebookEdit" }) },
          ],
        },
        { type: "text", text: "Tool loaded." },
      ],
    },
    {
      role: "user",
      content: [
        {
          type: "tool-result",
          callId: "toolu_6b06bccc173a9f2ddc23d9b6",
          content: [{ type: "text", text: "step-2-0" }],
          isError: false,
          cache: {},
        },
      ],
    },
  ]);
});

test("every field with a neutral name is mapped, the rest is kept under its own key", () => {
  const wire: Anthropic.MessageCreateParams & Record<string, unknown> = {
    model: "m",
    max_tokens: 0,
    messages: [],
    system: "be brief",
    stream: false,
    temperature: 0,
    top_p: 0.5,
    top_k: 3,
    stop_sequences: ["END", ""],
    metadata: { user_id: "u1" },
    service_tier: "standard_only",
    thinking: { type: "disabled" },
    output_config: { effort: "xhigh", format: { type: "json_schema", schema: { type: "object" } } },
    tool_choice: { type: "tool", name: "bash", disable_parallel_tool_use: true },
    tools: [
      {
        name: "bash",
        input_schema: { type: "object" },
        strict: true,
        eager_input_streaming: true,
        cache_control: { type: "ephemeral", ttl: "1h" },
      },
      { type: "web_search_20250305", name: "web_search", max_uses: 2 },
    ],
    mcp_servers: [{ type: "url", url: "https://mcp.example", name: "x" }],
    container: null,
    inference_geo: "us",
  };
  assert.deepEqual(parse(wire), {
    model: "m",
    stream: false,
    messages: [{ role: "system", content: [{ type: "text", text: "be brief" }] }],
    tools: [
      {
        type: "function",
        name: "bash",
        parameters: { type: "object" },
        strict: true,
        cache: { ttl: "1h" },
        ...own({ eager_input_streaming: true }),
      },
      {
        type: "server",
        name: "web_search",
        protocol: "anthropic-messages",
        wire: { type: "web_search_20250305", name: "web_search", max_uses: 2 },
      },
    ],
    toolChoice: { type: "named", name: "bash" },
    parallelToolCalls: false,
    reasoning: { enabled: false, effort: "xhigh" },
    responseFormat: { type: "json-schema", schema: { type: "object" }, isEnforced: true },
    maxOutputTokens: 0,
    temperature: 0,
    topP: 0.5,
    topK: 3,
    stop: ["END", ""],
    endUser: "u1",
    serviceTier: "standard_only",
    ...own({ mcp_servers: [{ type: "url", url: "https://mcp.example", name: "x" }], container: null, inference_geo: "us" }),
  });
});

const choices: readonly (readonly [wire: unknown, neutral: object])[] = [
  [{ type: "auto" }, { toolChoice: { type: "auto" } }],
  [
    { type: "any", disable_parallel_tool_use: false },
    { toolChoice: { type: "required" }, parallelToolCalls: true },
  ],
  [{ type: "none" }, { toolChoice: { type: "none" } }],
];
for (const [wire, neutral] of choices) {
  test(`tool_choice ${JSON.stringify(wire)}`, () => {
    assert.deepEqual(parse({ model: "m", messages: [], tool_choice: wire }), { model: "m", stream: false, messages: [], ...neutral });
  });
}

const thinkings: readonly (readonly [wire: object, neutral: object])[] = [
  [
    { type: "enabled", budget_tokens: 1024, display: "summarized" },
    { reasoning: { enabled: true, budgetTokens: 1024, visibility: "summary" } },
  ],
  [{ type: "adaptive", display: null }, { reasoning: { adaptive: true } }],
  [{ type: "between_tools" }, { reasoning: { enabled: true }, ...own({ thinking: { type: "between_tools" } }) }],
];
for (const [wire, neutral] of thinkings) {
  test(`thinking ${JSON.stringify(wire)}`, () => {
    assert.deepEqual(parse({ model: "m", messages: [], thinking: wire }), { model: "m", stream: false, messages: [], ...neutral });
  });
}

test("documents, search results, redacted thinking, and blocks of server tools", () => {
  const blocks: Anthropic.ContentBlockParam[] = [
    {
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "JVBE" },
      title: "a.pdf",
      citations: { enabled: true },
    },
    { type: "document", source: { type: "text", media_type: "text/plain", data: "plain" }, context: "ctx" },
    { type: "document", source: { type: "url", url: "https://example.com/b.pdf" }, cache_control: { type: "ephemeral", ttl: "5m" } },
    { type: "document", source: { type: "file", file_id: "file_1" } },
    {
      type: "document",
      source: {
        type: "content",
        content: [
          { type: "text", text: "one" },
          { type: "image", source: { type: "url", url: "https://example.com/c.png" } },
          { type: "text", text: "two" },
        ],
      },
    },
    { type: "search_result", title: "T", source: "https://example.com", content: [{ type: "text", text: "found" }] },
    { type: "image", source: { type: "file", file_id: "file_2" } },
    { type: "redacted_thinking", data: "cmVk" },
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "q" } },
    { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] },
    { type: "tool_result", tool_use_id: "t1", is_error: true },
  ];
  const media = (kind: "image" | "document", source: object, rest: object = {}) => ({ type: "media", kind, source, ...rest });
  assert.deepEqual(parse({ ...base, messages: [{ role: "user", content: blocks }] }).messages, [
    {
      role: "user",
      content: [
        media(
          "document",
          { type: "base64", mediaType: "application/pdf", data: "JVBE" },
          { filename: "a.pdf", ...own({ citations: { enabled: true } }) },
        ),
        media("document", { type: "text", text: "plain" }, own({ context: "ctx" })),
        media("document", { type: "url", url: "https://example.com/b.pdf" }, { cache: { ttl: "5m" } }),
        media("document", { type: "file", id: "file_1" }),
        media("document", { type: "text", text: "one\n\ntwo" }, own({ source: (blocks[4] as Anthropic.DocumentBlockParam).source })),
        media("image", { type: "url", url: "https://example.com/c.png" }),
        media(
          "document",
          { type: "text", text: "found" },
          { filename: "T", ...own({ type: "search_result", source: "https://example.com" }) },
        ),
        media("image", { type: "file", id: "file_2" }),
        { type: "reasoning", text: "", proof: { protocol: "anthropic-messages", kind: "redacted", data: "cmVk" } },
        { type: "opaque", protocol: "anthropic-messages", value: blocks[8] },
        { type: "opaque", protocol: "anthropic-messages", value: blocks[9] },
        { type: "tool-result", callId: "t1", content: [], isError: true },
      ],
    },
  ]);
});

test("the SDK's structured output, and its older place in the beta", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string" } },
    required: ["a"],
    additionalProperties: false,
  };
  assert.deepEqual(parse(wireFixture("node-sdk-output-format.json")).responseFormat, { type: "json-schema", schema, isEnforced: true });
  assert.deepEqual(parse({ ...base, messages: [], output_format: { type: "json_schema", schema } }).responseFormat, {
    type: "json-schema",
    isEnforced: true,
    schema,
  });
});

test("a body that asks for a token count needs no max_tokens", () => {
  const request = parseRequest({ model: "m", messages: [{ role: "user", content: "hi" }] }, callOf("POST /v1/messages/count_tokens"));
  assert.deepEqual(request, { model: "m", stream: false, messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }] });
});

test("numbers in a call's input keep the client's spelling", () => {
  const input = '{"id":1234567890123456789,"x":1.0,"list":[-0,1E5]}';
  const call = `{"type":"tool_use","id":"c","name":"f","input":${input},"cache_control":{"type":"ephemeral"}}`;
  const server = `{"type":"server_tool_use","id":"s","name":"g","input":${input}}`;
  const text = `{"model":"m","max_tokens":10.0,"temperature":1.0,"messages":[{"role":"assistant","content":[${call},${server}]}]}`;
  const { messages, maxOutputTokens, temperature } = parse(parseExact(asBytes(text), anthropicMessages.exactValues));
  const [block, opaque] = messages[0]!.content;
  assert.deepEqual(block, { type: "tool-call", id: "c", name: "f", kind: "function", arguments: input, cache: {} });
  assert.equal(opaque?.type === "opaque" && JSON.stringify(opaque.value), server);
  assert.deepEqual([maxOutputTokens, temperature], [10, 1]);
});

test("a signature of any content is the proof of its block; an empty signature is not a proof", () => {
  const thinking = (signature: string) => ({ type: "thinking", thinking: "", signature });
  const content = [thinking("any %%% thing"), thinking("")];
  assert.deepEqual(parse({ ...base, messages: [{ role: "assistant", content }] }).messages[0]?.content, [
    { type: "reasoning", text: "", proof: { protocol: "anthropic-messages", kind: "signature", data: "any %%% thing" } },
    { type: "reasoning", text: "" },
  ]);
});
