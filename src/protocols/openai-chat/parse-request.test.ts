import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { ChatCompletionCreateParams } from "openai/resources/chat/completions";
import { GatewayError } from "../../core/index.ts";
import type { RouteCall } from "../protocol.ts";
import { parseRequest } from "./parse-request.ts";
import { routes } from "./routes.ts";

const call: RouteCall = { route: routes[0]!, param: "", query: "" };
const fixture = (name: string): unknown => JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8"));
const minimal = { model: "m", messages: [{ role: "user", content: "hi" }] };
const user = { role: "user", content: [{ type: "text", text: "hi" }] };

describe("a Chat request of a real client", () => {
  test("of the Node SDK: a loop of tools, reasoning given back", () => {
    const reasoning = { type: "reasoning", text: "d9ed52)." };
    const argumentsOf = (turn: string): string =>
      `{"command":"printf '%s' 'ta4d9ed52-${turn}' > /home/dev/project && echo TOOLOUT-ta4d9ed52-${turn}"}`;
    const result = (callId: string, turn: string) => ({
      role: "user",
      content: [{ type: "tool-result", callId, kind: "function", content: [{ type: "text", text: `TOOLOUT-ta4d9ed52-${turn}\n` }] }],
    });
    const toolCall = (id: string, turn: string) => ({
      type: "tool-call",
      id,
      name: "bash",
      kind: "function",
      arguments: argumentsOf(turn),
    });
    const parsed = { "openai-chat": { parsed: null } };
    assert.deepEqual(parseRequest(fixture("node-sdk-tools-request.json"), call), {
      model: "gpt-mock",
      stream: true,
      messages: [
        { role: "system", content: [{ type: "text", text: "sys" }] },
        { role: "user", content: [{ type: "text", text: "Do the task." }] },
        {
          role: "assistant",
          content: [reasoning, { type: "text", text: "Step 0: I will use a tool. ✓" }, toolCall("call_30880cc9cbbbdcdbb34990fe", "0-0")],
          extensions: parsed,
        },
        result("call_30880cc9cbbbdcdbb34990fe", "0-0"),
        {
          role: "assistant",
          content: [
            reasoning,
            { type: "text", text: "Step 1: I will use a tool. ✓" },
            toolCall("call_79e5538fcc59beb915075923", "1-0"),
            toolCall("call_0fd04ca553ffbee5ef9f42b3", "1-1"),
          ],
          extensions: parsed,
        },
        result("call_79e5538fcc59beb915075923", "1-0"),
        result("call_0fd04ca553ffbee5ef9f42b3", "1-1"),
      ],
      tools: [
        {
          type: "function",
          name: "bash",
          description: "run",
          parameters: { type: "object", properties: { command: { type: "string" } }, required: ["command"], additionalProperties: false },
        },
      ],
      extensions: { "openai-chat": { stream_options: { include_usage: true } } },
    });
  });

  test("of the Node SDK: a structured answer", () => {
    assert.deepEqual(parseRequest(fixture("node-sdk-schema-request.json"), call), {
      model: "gpt-mock",
      stream: false,
      messages: [{ role: "user", content: [{ type: "text", text: "json please" }] }],
      responseFormat: {
        type: "json-schema",
        name: "x",
        strict: true,
        schema: {
          type: "object",
          properties: { a: { type: "string" }, n: { type: "integer" } },
          required: ["a", "n"],
          additionalProperties: false,
        },
      },
    });
  });
});

describe("a Chat request", () => {
  test("keeps every setting, and fields without a neutral name in their wire form", () => {
    const wire: ChatCompletionCreateParams & Record<string, unknown> = {
      model: "m",
      messages: [{ role: "user", content: "hi" }],
      stream: true,
      stream_options: { include_obfuscation: false },
      max_completion_tokens: 100,
      max_tokens: 90,
      temperature: 0,
      top_p: 1,
      top_k: 5,
      frequency_penalty: 0.5,
      presence_penalty: -0.5,
      seed: 7,
      n: 2,
      logprobs: true,
      top_logprobs: 3,
      stop: "END",
      verbosity: "low",
      reasoning_effort: "high",
      prompt_cache_key: "key",
      safety_identifier: "who",
      user: "old",
      service_tier: "flex",
      metadata: { a: "b" },
      parallel_tool_calls: false,
      response_format: { type: "json_object" },
      logit_bias: { "50256": -100 },
      store: null,
      vendor: { top_n: 1 },
    };
    assert.deepEqual(parseRequest(wire, call), {
      model: "m",
      stream: true,
      messages: [user],
      maxOutputTokens: 100,
      temperature: 0,
      topP: 1,
      topK: 5,
      frequencyPenalty: 0.5,
      presencePenalty: -0.5,
      seed: 7,
      candidateCount: 2,
      logprobs: { top: 3 },
      stop: ["END"],
      verbosity: "low",
      reasoning: { effort: "high" },
      cacheKey: "key",
      endUser: "who",
      serviceTier: "flex",
      metadata: { a: "b" },
      parallelToolCalls: false,
      responseFormat: { type: "json-object" },
      extensions: {
        "openai-chat": {
          stream_options: { include_obfuscation: false },
          max_tokens: 90,
          user: "old",
          logit_bias: { "50256": -100 },
          store: null,
          vendor: { top_n: 1 },
        },
      },
    });
  });

  test("reads null as absent", () => {
    const nulls = [
      "stream",
      "max_tokens",
      "temperature",
      "stop",
      "tools",
      "tool_choice",
      "response_format",
      "metadata",
      "verbosity",
      "user",
      "logprobs",
    ];
    const wire = { ...minimal, ...Object.fromEntries(nulls.map((key) => [key, null])) };
    assert.deepEqual(parseRequest(wire, call), { model: "m", stream: false, messages: [user] });
  });

  test("keeps instructions in their places, and every part of a message", () => {
    const wire = {
      model: "m",
      messages: [
        { role: "developer", content: [{ type: "text", text: "a", prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } }] },
        {
          role: "user",
          name: "ann",
          content: [
            { type: "text", text: "b", cache_control: { type: "ephemeral", ttl: "1h" } },
            { type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "low" } },
            { type: "image_url", image_url: { url: "https://example.com/a.png" } },
            { type: "input_audio", input_audio: { data: "BBBB", format: "mp3" } },
            { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,CCCC" } },
            { type: "file", file: { filename: "b.PDF", file_data: "DDDD" } },
            { type: "file", file: { file_id: "file_1" } },
            { type: "video_url", video_url: { url: "https://example.com/a.mp4" } },
            { type: "server_tool_use", id: "s" },
          ],
        },
        { role: "system", content: "c" },
      ],
    };
    assert.deepEqual(parseRequest(wire, call).messages, [
      {
        role: "developer",
        content: [
          {
            type: "text",
            text: "a",
            cache: {},
            extensions: { "openai-chat": { prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } } },
          },
        ],
      },
      {
        role: "user",
        name: "ann",
        content: [
          { type: "text", text: "b", cache: { ttl: "1h" } },
          { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" }, detail: "low" },
          { type: "media", kind: "image", source: { type: "url", url: "https://example.com/a.png" } },
          { type: "media", kind: "audio", source: { type: "base64", mediaType: "audio/mpeg", data: "BBBB" } },
          { type: "media", kind: "document", source: { type: "base64", mediaType: "application/pdf", data: "CCCC" }, filename: "a.pdf" },
          { type: "media", kind: "document", source: { type: "base64", mediaType: "application/pdf", data: "DDDD" }, filename: "b.PDF" },
          { type: "media", kind: "document", source: { type: "file", id: "file_1" } },
          { type: "media", kind: "video", source: { type: "url", url: "https://example.com/a.mp4" } },
          { type: "opaque", protocol: "anthropic-messages", value: { type: "server_tool_use", id: "s" } },
        ],
      },
      { role: "system", content: [{ type: "text", text: "c" }] },
    ]);
  });

  test("keeps calls of both kinds, a signed one, a refusal and the retired form", () => {
    const wire = {
      model: "m",
      messages: [
        {
          role: "assistant",
          content: [
            { type: "text", text: "t" },
            { type: "refusal", refusal: "r1" },
          ],
          refusal: "r2",
          audio: { id: "audio_1" },
          tool_calls: [
            {
              id: "c1",
              type: "function",
              function: { name: "f", arguments: '{"big": 12345678901234567890 }' },
              extra_content: { google: { thought_signature: "sig" } },
            },
            { id: "c2", type: "custom", custom: { name: "patch", input: "*** Begin" } },
          ],
        },
        { role: "tool", tool_call_id: "c2", content: [{ type: "text", text: "done" }] },
        { role: "assistant", content: null, function_call: { name: "old", arguments: "{}" } },
        { role: "function", name: "old", content: "ok" },
      ],
    };
    assert.deepEqual(parseRequest(wire, call).messages, [
      {
        role: "assistant",
        content: [
          { type: "text", text: "t" },
          { type: "refusal", text: "r1" },
          { type: "refusal", text: "r2" },
          {
            type: "tool-call",
            id: "c1",
            name: "f",
            kind: "function",
            arguments: '{"big": 12345678901234567890 }',
            proof: { protocol: "gemini-generate", kind: "signature", data: "sig" },
          },
          { type: "tool-call", id: "c2", name: "patch", kind: "custom", arguments: "*** Begin" },
        ],
        extensions: { "openai-chat": { audio: { id: "audio_1" } } },
      },
      { role: "user", content: [{ type: "tool-result", callId: "c2", kind: "custom", content: [{ type: "text", text: "done" }] }] },
      { role: "assistant", content: [{ type: "tool-call", id: "call_old", name: "old", kind: "function", arguments: "{}" }] },
      {
        role: "user",
        content: [{ type: "tool-result", callId: "call_old", name: "old", kind: "function", content: [{ type: "text", text: "ok" }] }],
      },
    ]);
  });

  test("keeps tools of every type", () => {
    const wire = {
      ...minimal,
      tools: [
        {
          type: "function",
          function: { name: "f", description: "d", parameters: { type: "object" }, strict: true },
          cache_control: { type: "ephemeral" },
        },
        { type: "custom", custom: { name: "c", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: x" } } } },
        { type: "custom", custom: { name: "t", description: "free", format: { type: "text" } } },
        { type: "web_search", depth: 2 },
      ],
      functions: [{ name: "old" }],
    };
    assert.deepEqual(parseRequest(wire, call).tools, [
      { type: "function", name: "f", description: "d", parameters: { type: "object" }, strict: true, cache: {} },
      { type: "custom", name: "c", grammar: { syntax: "lark", definition: "start: x" } },
      { type: "custom", name: "t", description: "free" },
      { type: "server", name: "web_search", protocol: "openai-responses", wire: { type: "web_search", depth: 2 } },
      { type: "function", name: "old" },
    ]);
  });

  for (const [wire, expected] of [
    [{ tool_choice: "auto" }, { type: "auto" }],
    [{ tool_choice: "none" }, { type: "none" }],
    [{ tool_choice: "required" }, { type: "required" }],
    [{ tool_choice: "any" }, { type: "required" }],
    [{ tool_choice: { type: "function", function: { name: "f" } } }, { type: "named", name: "f" }],
    [{ tool_choice: { type: "custom", custom: { name: "c" } } }, { type: "named", name: "c" }],
    [
      {
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: {
            mode: "required",
            tools: [
              { type: "function", function: { name: "f" } },
              { type: "custom", custom: { name: "c" } },
            ],
          },
        },
      },
      { type: "allowed", names: ["f", "c"], required: true },
    ],
    [{ function_call: "none" }, { type: "none" }],
    [{ function_call: { name: "f" } }, { type: "named", name: "f" }],
  ] as const) {
    test(`understands ${JSON.stringify(wire)}`, () => {
      assert.deepEqual(parseRequest({ ...minimal, ...wire }, call).toolChoice, expected);
    });
  }

  test("keeps a format without a neutral name", () => {
    const format = { type: "regex", pattern: "a+" };
    const request = parseRequest({ ...minimal, response_format: format }, call);
    assert.deepEqual([request.responseFormat, request.extensions], [undefined, { "openai-chat": { response_format: format } }]);
  });

  test("reads a key named __proto__ as an ordinary key", () => {
    const request = parseRequest(JSON.parse('{"model":"m","messages":[{"role":"user","content":"hi"}],"__proto__":{"stream":true}}'), call);
    assert.equal(request.stream, false);
    assert.deepEqual(Object.keys(request.extensions?.["openai-chat"] ?? {}), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(request.extensions?.["openai-chat"]), Object.prototype);
  });

  for (const [what, wire, param] of [
    ["no object", [], "body"],
    ["no messages", { model: "m" }, "messages"],
    ["an empty list of messages", { model: "m", messages: [] }, "messages"],
    ["a message that is a text", { model: "m", messages: ["hi"] }, "messages[0]"],
    ["an unknown role", { model: "m", messages: [{ role: "robot", content: "" }] }, "messages[0].role"],
    ["content that is a number", { model: "m", messages: [{ role: "user", content: 1 }] }, "messages[0].content"],
    ["a part without a type", { model: "m", messages: [{ role: "user", content: [{}] }] }, "messages[0].content[0].type"],
    [
      "a picture without a URL",
      { model: "m", messages: [{ role: "user", content: [{ type: "image_url" }] }] },
      "messages[0].content[0].image_url",
    ],
    ["a result without its call", { model: "m", messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id"],
    ["a temperature that is a text", { ...minimal, temperature: "1" }, "temperature"],
    ["an unknown choice of a tool", { ...minimal, tool_choice: "some" }, "tool_choice"],
    ["a tool without a name", { ...minimal, tools: [{ type: "function", function: {} }] }, "tools[0].function.name"],
    ["metadata that is a number", { ...minimal, metadata: { a: 1 } }, "metadata.a"],
    ["a stop that is a number", { ...minimal, stop: [1] }, "stop[0]"],
  ] as const) {
    test(`with ${what} is refused, and the field is named`, () => {
      assert.throws(
        () => parseRequest(wire, call),
        (error: unknown) => error instanceof GatewayError && error.code === "invalid_request" && error.param === param,
      );
    });
  }
});
