import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChatRequest, Message } from "../../ir/index.ts";
import { GatewayError } from "../../core/index.ts";
import type { RouteCall } from "../protocol.ts";
import { parseRequest } from "./parse-request.ts";
import { echoRequest } from "./response-object.ts";
import { routes } from "./routes.ts";

const call: RouteCall = { route: routes[0]!, param: "", query: "" };
const parse = (wire: unknown): ChatRequest => parseRequest(wire, call);
const minimal = { model: "m", input: "hi" };
const user: Message = { role: "user", content: [{ type: "text", text: "hi" }] };

describe("a Responses request", () => {
  test("keeps every setting, and fields without a neutral name in their wire form", () => {
    const wire = {
      model: "m",
      input: "hi",
      instructions: "Be brief.",
      stream: null,
      max_output_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      top_logprobs: 2,
      tool_choice: "none",
      parallel_tool_calls: null,
      reasoning: { effort: "high", summary: "detailed", mode: "pro" },
      text: {
        format: { type: "json_schema", name: "x", description: "d", strict: true, schema: { type: "object" } },
        verbosity: "high",
        voice: "calm",
      },
      prompt_cache_key: "key",
      safety_identifier: "who",
      user: "old",
      service_tier: "flex",
      metadata: { a: "b" },
      previous_response_id: "resp_1",
      truncation: "auto",
      max_tool_calls: 3,
      store: true,
      vendor: 1,
    };
    const request = parse(wire);
    assert.deepEqual(request, {
      model: "m",
      stream: false,
      messages: [
        { role: "system", content: [{ type: "text", text: "Be brief." }], extensions: { "openai-responses": { instructions: true } } },
        user,
      ],
      toolChoice: { type: "none" },
      maxOutputTokens: 9,
      temperature: 0,
      topP: 0.5,
      logprobs: { top: 2 },
      reasoning: { effort: "high", visibility: "summary" },
      responseFormat: { type: "json-schema", name: "x", description: "d", strict: true, schema: { type: "object" } },
      verbosity: "high",
      cacheKey: "key",
      endUser: "who",
      serviceTier: "flex",
      metadata: { a: "b" },
      extensions: {
        "openai-responses": {
          user: "old",
          previous_response_id: "resp_1",
          truncation: "auto",
          max_tool_calls: 3,
          store: true,
          vendor: 1,
          reasoning: { summary: "detailed", mode: "pro" },
          text: { voice: "calm" },
        },
      },
    } satisfies ChatRequest);
    assert.deepEqual(echoRequest(request), {
      background: false,
      instructions: "Be brief.",
      max_output_tokens: 9,
      max_tool_calls: 3,
      metadata: { a: "b" },
      parallel_tool_calls: true,
      previous_response_id: "resp_1",
      prompt_cache_key: "key",
      reasoning: wire.reasoning,
      safety_identifier: "who",
      service_tier: "flex",
      store: true,
      temperature: 0,
      text: wire.text,
      tool_choice: "none",
      tools: [],
      top_logprobs: 2,
      top_p: 0.5,
      truncation: "auto",
    });
  });

  test("keeps messages in every form", () => {
    const annotations = [{ type: "url_citation", url: "https://example.com", title: "t", start_index: 0, end_index: 1 }];
    const input = [
      { role: "developer", content: "a" },
      {
        type: "message",
        role: "user",
        content: [
          { type: "input_text", text: "b", prompt_cache_breakpoint: { mode: "explicit" } },
          { type: "input_image", image_url: "https://example.com/a.png", detail: "auto" },
          { type: "input_image", file_id: "file_1", detail: "low" },
          { type: "input_file", file_url: "https://example.com/a.pdf" },
          { type: "input_file", filename: "a.txt", file_data: "data:text/plain;base64,QQ==" },
          { type: "input_file", file_id: "file_2" },
          { type: "input_audio", input_audio: { data: "BBBB", format: "wav" } },
          { type: "hologram" },
        ],
      },
      {
        type: "message",
        id: "msg_1",
        role: "assistant",
        status: "completed",
        content: [
          { type: "output_text", text: "c", annotations, logprobs: [] },
          { type: "refusal", refusal: "no" },
        ],
      },
    ];
    assert.deepEqual(parse({ model: "m", input }).messages, [
      { role: "developer", content: [{ type: "text", text: "a" }] },
      {
        role: "user",
        content: [
          { type: "text", text: "b", cache: {}, extensions: { "openai-responses": { prompt_cache_breakpoint: { mode: "explicit" } } } },
          { type: "media", kind: "image", source: { type: "url", url: "https://example.com/a.png" }, detail: "auto" },
          { type: "media", kind: "image", source: { type: "file", id: "file_1" }, detail: "low" },
          { type: "media", kind: "document", source: { type: "url", url: "https://example.com/a.pdf" } },
          { type: "media", kind: "document", source: { type: "base64", mediaType: "text/plain", data: "QQ==" }, filename: "a.txt" },
          { type: "media", kind: "document", source: { type: "file", id: "file_2" } },
          { type: "media", kind: "audio", source: { type: "base64", mediaType: "audio/wav", data: "BBBB" } },
          { type: "opaque", protocol: "openai-responses", value: { type: "hologram" } },
        ],
      },
      {
        role: "assistant",
        id: "msg_1",
        content: [
          { type: "text", text: "c", extensions: { "openai-responses": { annotations, logprobs: [] } } },
          { type: "refusal", text: "no" },
        ],
        extensions: { "openai-responses": { status: "completed" } },
      },
    ]);
  });

  test("keeps items that only the vendor understands, in the role that sent them", () => {
    const items = [
      { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
      { type: "local_shell_call", id: "ls_1", call_id: "c", status: "completed", action: { type: "exec", command: ["ls"], env: {} } },
      { type: "local_shell_call_output", id: "lso_1", output: "x" },
      { type: "mcp_approval_response", approval_request_id: "a", approve: true },
      { type: "compaction", encrypted_content: "e" },
      { type: "item_reference", id: "msg_1" },
      { id: "msg_2" },
    ];
    assert.deepEqual(
      parse({ model: "m", input: items }).messages,
      items.map((value, index) => ({
        role: [2, 3].includes(index) ? "user" : "assistant",
        ...(value.id === undefined ? {} : { id: value.id }),
        content: [{ type: "opaque", protocol: "openai-responses", value }],
      })),
    );
  });

  test("keeps the parts of reasoning that a text does not contain", () => {
    const item = {
      type: "reasoning",
      id: "rs_1",
      summary: [
        { type: "summary_text", text: "a" },
        { type: "summary_text", text: "b" },
      ],
      status: "completed",
    };
    assert.deepEqual(parse({ model: "m", input: [item] }).messages[0]?.content, [
      {
        type: "reasoning",
        text: "a\n\nb",
        id: "rs_1",
        extensions: { "openai-responses": { status: "completed", summary: item.summary } },
      },
    ]);
    const shown = { type: "reasoning", id: "rs_2", summary: [], content: [{ type: "reasoning_text", text: "c" }] };
    assert.deepEqual(parse({ model: "m", input: [shown] }).messages[0]?.content, [
      { type: "reasoning", text: "c", id: "rs_2", extensions: { "openai-responses": { summary: [], content: shown.content } } },
    ]);
  });

  test("merges tools that items add: the later one wins", () => {
    const wire = {
      model: "m",
      tools: [
        { type: "function", name: "f", parameters: null, strict: null },
        { type: "mcp", server_label: "docs", server_url: "https://example.com" },
      ],
      input: [
        {
          type: "additional_tools",
          role: "developer",
          tools: [
            { type: "custom", name: "f", description: "new" },
            { type: "function", name: "g", parameters: {}, strict: true, defer_loading: true },
          ],
        },
        { role: "user", content: "hi" },
      ],
    };
    const request = parse(wire);
    assert.deepEqual(request.tools, [
      { type: "custom", name: "f", description: "new", extensions: { "openai-responses": { additional_tools: true } } },
      { type: "server", name: "docs", protocol: "openai-responses", wire: wire.tools[1]! },
      {
        type: "function",
        name: "g",
        parameters: {},
        strict: true,
        extensions: { "openai-responses": { defer_loading: true, additional_tools: true } },
      },
    ]);
    assert.deepEqual([request.messages, echoRequest(request).tools], [[user], [wire.tools[1]]]);
  });

  const tools = [
    { type: "function", name: "f", parameters: {}, strict: true },
    { type: "custom", name: "c" },
    { type: "web_search" },
    { type: "apply_patch" },
    { type: "mcp", server_label: "docs", server_url: "https://example.com" },
  ];
  for (const [choice, expected] of [
    ["auto", { type: "auto" }],
    ["required", { type: "required" }],
    [
      { type: "function", name: "f" },
      { type: "named", name: "f" },
    ],
    [
      { type: "custom", name: "c" },
      { type: "named", name: "c" },
    ],
    [{ type: "web_search" }, { type: "named", name: "web_search", isServer: true }],
    [
      { type: "mcp", server_label: "docs" },
      { type: "named", name: "docs", isServer: true },
    ],
    [
      { type: "mcp", server_label: "docs", name: "find" },
      { type: "named", name: "docs", isServer: true },
    ],
    [{ type: "apply_patch" }, { type: "named", name: "apply_patch", isServer: true }],
    [
      {
        type: "allowed_tools",
        mode: "required",
        tools: [
          { type: "function", name: "f" },
          { type: "custom", name: "c" },
        ],
      },
      { type: "allowed", names: ["f", "c"], required: true },
    ],
    [
      { type: "allowed_tools", mode: "auto", tools: [{ type: "mcp", server_label: "docs" }, { type: "image_generation" }] },
      { type: "allowed", names: ["docs", "image_generation"], required: false },
    ],
  ] as const) {
    test(`understands the choice ${JSON.stringify(choice)}, and repeats it`, () => {
      const request = parse({ ...minimal, tools, tool_choice: choice });
      assert.deepEqual(request.toolChoice, expected);
      assert.deepEqual(echoRequest(request).tool_choice, choice);
    });
  }

  for (const [what, wire, param] of [
    ["no object", "hi", "body"],
    ["no input", { model: "m" }, "input"],
    ["input that is a number", { model: "m", input: 1 }, "input"],
    ["an item that is a text", { model: "m", input: ["a"] }, "input[0]"],
    ["an unknown role", { model: "m", input: [{ role: "robot", content: "" }] }, "input[0].role"],
    ["content that is missing", { model: "m", input: [{ role: "user" }] }, "input[0].content"],
    [
      "a picture of nothing",
      { model: "m", input: [{ role: "user", content: [{ type: "input_image" }] }] },
      "input[0].content[0].image_url",
    ],
    ["a call without its id", { model: "m", input: [{ type: "function_call", name: "f", arguments: "{}" }] }, "input[0].call_id"],
    ["a result without its call", { model: "m", input: [{ type: "function_call_output", output: "" }] }, "input[0].call_id"],
    ["a tool without a type", { ...minimal, tools: [{}] }, "tools[0].type"],
    [
      "a tool without a name",
      { ...minimal, tools: [{ type: "namespace", name: "n", tools: [{ type: "function" }] }] },
      "tools[0].tools[0].name",
    ],
    ["an unknown choice of a tool", { ...minimal, tool_choice: "some" }, "tool_choice"],
    ["an unknown verbosity", { ...minimal, text: { verbosity: "loud" } }, "text.verbosity"],
    ["a format without a name", { ...minimal, text: { format: { type: "json_schema", schema: {} } } }, "text.format.name"],
  ] as const) {
    test(`with ${what} is refused, and the field is named`, () => {
      assert.throws(
        () => parse(wire),
        (error: unknown) => error instanceof GatewayError && error.code === "invalid_request" && error.param === param,
      );
    });
  }
});
