import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import type { ChatRequest, Message } from "../../ir/index.ts";
import { bodyOf, lossesOf, toolCall } from "../testing.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { generateCall, wireFixture } from "./testing.ts";
import { parseRequest } from "./parse-request.ts";
import { defaultMaxTokens, renderRequest } from "./render-request.ts";

const user: Message = { role: "user", content: [{ type: "text", text: "hi" }] };

function targetOf(model: string, quirks: RenderTarget["quirks"] = {}): RenderTarget {
  return { model, stream: false, quirks };
}

function render(request: Partial<ChatRequest>, model = "claude-sonnet-4-5", quirks: RenderTarget["quirks"] = {}): Rendered<string> {
  return renderRequest({ model: "alias", stream: false, messages: [user], ...request }, targetOf(model, quirks));
}

for (const name of ["node-sdk-output-format.json", "node-sdk-tool-loop.json"]) {
  test(`${name} of this protocol's own client is rendered as it was parsed`, () => {
    const request = parseRequest(wireFixture(name), generateCall);
    const rendered = renderRequest(request, { ...targetOf(request.model), stream: request.stream });
    assert.deepEqual(parseRequest(JSON.parse(rendered.value), generateCall), request);
    assert.deepEqual(rendered.losses, []);
  });
}

test("a session of Claude Code is rendered as it was parsed, except for its cut-off first turn and instructions among the messages", () => {
  for (const name of ["claude-code-images.json", "claude-code-first.json"]) {
    const request = parseRequest(wireFixture(name), generateCall);
    const rendered = renderRequest(request, { ...targetOf(request.model), stream: request.stream });
    const again = parseRequest(JSON.parse(rendered.value), generateCall);
    const { messages: _, ...fields } = request;
    const { messages: __, ...fieldsAgain } = again;
    assert.deepEqual(fieldsAgain, fields);
    const plain = (messages: readonly Message[]): unknown =>
      messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
    assert.deepEqual(plain(again.messages), plain(request.messages));
  }
});

test("a whole conversation of another dialect is rendered", () => {
  const rendered = render({
    messages: [
      { role: "developer", content: [{ type: "text", text: "be brief" }] },
      { role: "system", content: [{ type: "text", text: "" }] },
      user,
      {
        role: "assistant",
        content: [{ type: "reasoning", text: "foreign", proof: { protocol: "openai-responses", kind: "encrypted", data: "x" } }],
      },
      { role: "assistant", content: [toolCall("call.1", "shell", '{ "n": 1.0, "big": 12345678901234567890 }')] },
      {
        role: "assistant",
        content: [toolCall("c2", "spawn", "", { namespace: "agents" }), toolCall("c3", "patch", "*** Begin", { kind: "custom" })],
      },
      { role: "user", content: [{ type: "tool-result", callId: "c3", content: [{ type: "text", text: "done" }] }] },
      { role: "user", content: [{ type: "tool-result", callId: "gone", content: [] }] },
      { role: "developer", content: [{ type: "text", text: "now faster" }] },
      { role: "user", content: [{ type: "tool-result", callId: "call.1", content: [{ type: "text", text: "1" }], isError: true }] },
    ],
    tools: [
      {
        type: "function",
        name: "shell",
        description: "runs",
        parameters: { type: "object", properties: { n: { type: "number" } } },
        strict: false,
      },
      { type: "function", name: "spawn", namespace: "agents" },
      { type: "custom", name: "patch", description: "patches", grammar: { syntax: "lark", definition: "start: x" } },
      { type: "server", name: "image_generation", protocol: "openai-responses", wire: { type: "image_generation" } },
    ],
    toolChoice: { type: "auto" },
    parallelToolCalls: false,
    temperature: 1.5,
    stop: ["END", " "],
    seed: 7,
  });
  const input = { type: "object", properties: { input: { type: "string" } }, required: ["input"], additionalProperties: false };
  assert.deepEqual(bodyOf(rendered), {
    model: "claude-sonnet-4-5",
    max_tokens: defaultMaxTokens,
    system: [{ type: "text", text: "be brief" }],
    messages: [
      { role: "user", content: [{ type: "text", text: "hi" }] },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "call_1", name: "shell", input: { n: 1, big: Number("12345678901234567890") } },
          { type: "tool_use", id: "c2", name: "agents__spawn", input: {} },
          { type: "tool_use", id: "c3", name: "patch", input: { input: "*** Begin" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "1" }], is_error: true },
          { type: "tool_result", tool_use_id: "c2", content: [{ type: "text", text: "aborted" }], is_error: true },
          { type: "tool_result", tool_use_id: "c3", content: [{ type: "text", text: "done" }] },
          { type: "text", text: "<system-reminder>\nnow faster\n</system-reminder>" },
        ],
      },
    ],
    tools: [
      { name: "shell", description: "runs", input_schema: { type: "object", properties: { n: { type: "number" } } }, strict: false },
      { name: "agents__spawn", input_schema: { type: "object", properties: {} } },
      {
        name: "patch",
        description:
          "patches\n\nGive the whole free text of this tool's input, as it is, in `input`.\n\nGrammar of `input` (lark):\nstart: x",
        input_schema: input,
      },
    ],
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
    temperature: 1,
    stop_sequences: ["END"],
  });
  assert.ok(rendered.value.includes('"input":{ "n": 1.0, "big": 12345678901234567890 }'), "arguments keep their spelling");
  assert.deepEqual(lossesOf(rendered).toSorted(), [
    "clamped temperature",
    "dropped seed",
    "dropped stop",
    "dropped thoughts",
    "dropped toolResults",
    "dropped tools[]",
    "emulated messages[]",
    "emulated toolCalls",
    "emulated tools[]",
  ]);
  assert.deepEqual(
    [...(rendered.toolNames ?? [])],
    [
      ["patch", { name: "patch", kind: "custom" }],
      ["agents__spawn", { name: "spawn", namespace: "agents", kind: "function" }],
    ],
  );
});

test("steps of a conversation stay separate, and a late result is placed after its call", () => {
  const result = (callId: string): Message => ({
    role: "user",
    content: [{ type: "tool-result", callId, content: [{ type: "text", text: callId }] }],
  });
  const { messages } = bodyOf(
    render({
      messages: [
        user,
        { role: "assistant", content: [toolCall("a", "t", "{}")] },
        user,
        { role: "assistant", content: [toolCall("b", "t", "{}")] },
        result("b"),
        result("a"),
      ],
    }),
  );
  assert.deepEqual(messages, [
    { role: "user", content: [{ type: "text", text: "hi" }] },
    { role: "assistant", content: [{ type: "tool_use", id: "a", name: "t", input: {} }] },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "a" }] },
        { type: "text", text: "hi" },
      ],
    },
    { role: "assistant", content: [{ type: "tool_use", id: "b", name: "t", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "b", content: [{ type: "text", text: "b" }] }] },
  ]);
});

test("structured output: a schema as format, or as a tool if the model has no format; JSON without a schema by an instruction", () => {
  const responseFormat = {
    type: "json-schema",
    name: "n",
    schema: { type: "object", properties: { a: { type: "string", minLength: 2 } } },
  } as const;
  const schema = { type: "object", properties: { a: { type: "string", description: "(minLength: 2)" } }, additionalProperties: false };
  const byFormat = render({ responseFormat });
  assert.deepEqual(bodyOf(byFormat)["output_config"], { format: { type: "json_schema", schema } });
  assert.deepEqual(lossesOf(byFormat), ["emulated responseFormat.schema"]);
  const byTool = render({ responseFormat, reasoning: { effort: "high" } }, "claude-3-7-sonnet-latest");
  const { tools, tool_choice: choice, thinking } = bodyOf(byTool);
  assert.deepEqual(tools, [{ name: "answer_in_json", description: "Give the answer to the user with this tool.", input_schema: schema }]);
  assert.deepEqual([choice, thinking], [{ type: "tool", name: "answer_in_json" }, { type: "disabled" }]);
  assert.deepEqual([...(byTool.toolNames ?? [])], [["answer_in_json", { name: "answer_in_json", kind: "answer" }]]);
  const any = render({ responseFormat: { type: "json-object" } });
  assert.deepEqual(bodyOf(any)["system"], [
    { type: "text", text: "Answer with one JSON object and nothing else: no text around it, no code fence." },
  ]);
  assert.deepEqual(lossesOf(any), ["emulated responseFormat"]);
});

test("the choice of tools is rendered", () => {
  const tools = [
    { type: "function", name: "a" },
    { type: "function", name: "b", namespace: "n" },
  ] as const;
  const choiceOf = (toolChoice: ChatRequest["toolChoice"], parallelToolCalls?: boolean): unknown => {
    const body = bodyOf(
      render({
        tools,
        ...(toolChoice === undefined ? {} : { toolChoice }),
        ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
      }),
    );
    return [body["tool_choice"], (body["tools"] as { name: string }[]).map(({ name }) => name)];
  };
  assert.deepEqual(choiceOf(undefined), [undefined, ["a", "n__b"]]);
  assert.deepEqual(choiceOf(undefined, false), [{ type: "auto", disable_parallel_tool_use: true }, ["a", "n__b"]]);
  assert.deepEqual(choiceOf({ type: "required" }, true), [{ type: "any", disable_parallel_tool_use: false }, ["a", "n__b"]]);
  assert.deepEqual(choiceOf({ type: "none" }, false), [{ type: "none" }, ["a", "n__b"]]);
  assert.deepEqual(choiceOf({ type: "named", name: "b" }), [{ type: "tool", name: "n__b" }, ["a", "n__b"]]);
  assert.deepEqual(choiceOf({ type: "allowed", names: ["b"], required: true }), [{ type: "any" }, ["n__b"]]);
  assert.throws(
    () => choiceOf({ type: "named", name: "zz" }),
    (error) => error instanceof GatewayError && error.status === 400 && error.param === "toolChoice",
  );
  assert.equal(bodyOf(render({ tools: [], toolChoice: { type: "auto" } }))["tool_choice"], undefined);
});

test("names of tools are changed to fit, always in the same way, and are restored", () => {
  const long = "x".repeat(130);
  const names = (): readonly unknown[] => {
    const rendered = render({
      tools: [
        { type: "function", name: long },
        { type: "function", name: "a.b" },
        { type: "function", name: "a_b" },
      ],
    });
    const wire = (bodyOf(rendered)["tools"] as { name: string }[]).map(({ name }) => name);
    return wire.map((name) => [name, rendered.toolNames?.get(name)?.name]);
  };
  assert.deepEqual(names(), names());
  assert.deepEqual(
    names().map((pair) => (pair as string[])[1]),
    [long, "a.b", undefined],
  );
  assert.ok(names().every((pair) => /^[a-zA-Z0-9_-]{1,128}$/.test((pair as string[])[0] ?? "")));
});

test("max_tokens respects the model's limit", () => {
  assert.equal(bodyOf(render({}, "m", { maxOutputTokens: 4096 }))["max_tokens"], 4096);
  const clamped = render({ maxOutputTokens: 128_000 }, "m", { maxOutputTokens: 8192 });
  assert.equal(bodyOf(clamped)["max_tokens"], 8192);
  assert.deepEqual(lossesOf(clamped), ["clamped maxOutputTokens"]);
});

test("at most four cache marks, the last ones; a cache key sets them", () => {
  const cache = { ttl: "5m" } as const;
  const marked: Message[] = ["a", "b", "c"].map((text) => ({ role: "user", content: [{ type: "text", text, cache }] }));
  const many = render({
    messages: [{ role: "system", content: [{ type: "text", text: "s", cache }] }, ...marked],
    tools: [{ type: "function", name: "t", cache }],
  });
  assert.equal(many.value.split("cache_control").length - 1, 4);
  assert.equal(JSON.stringify(bodyOf(many)["tools"]).includes("cache_control"), false);
  assert.deepEqual(lossesOf(many), ["clamped cache"]);
  const keyed = render({ cacheKey: "k", messages: [{ role: "system", content: [{ type: "text", text: "s" }] }, user] });
  assert.deepEqual(bodyOf(keyed)["system"], [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }]);
  assert.deepEqual(bodyOf(keyed)["messages"], [
    { role: "user", content: [{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }] },
  ]);
});

test("media become blocks; a medium that the wire cannot carry becomes a text that names it", () => {
  const rendered = render({
    messages: [
      {
        role: "user",
        content: [
          { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AA==" } },
          { type: "media", kind: "image", source: { type: "url", url: "https://x/y.png" } },
          { type: "media", kind: "document", source: { type: "base64", mediaType: "application/pdf", data: "AA==" }, filename: "a.pdf" },
          { type: "media", kind: "document", source: { type: "base64", mediaType: "text/plain", data: "aGk=" } },
          { type: "media", kind: "audio", source: { type: "base64", mediaType: "audio/wav", data: "AA==" } },
          { type: "media", kind: "document", source: { type: "file", id: "file-openai" }, filename: "b.txt" },
        ],
      },
    ],
  });
  assert.deepEqual(bodyOf(rendered)["messages"], [
    {
      role: "user",
      content: [
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
        { type: "image", source: { type: "url", url: "https://x/y.png" } },
        { type: "document", source: { type: "base64", media_type: "application/pdf", data: "AA==" }, title: "a.pdf" },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "hi" } },
        { type: "text", text: "[audio left out]" },
        { type: "text", text: "[document left out: b.txt]" },
      ],
    },
  ]);
  assert.deepEqual(lossesOf(rendered), ["dropped audio", "dropped document"]);
});

test("a turn of the user is added at the beginning, and at the end if the model accepts no prefill", () => {
  const messages: Message[] = [{ role: "assistant", content: [{ type: "text", text: "{ " }] }];
  const turnsOf = (model: string, more: Partial<ChatRequest> = {}): unknown =>
    (bodyOf(render({ messages, ...more }, model))["messages"] as { content: { text: string }[] }[]).map(({ content }) => content[0]?.text);
  assert.deepEqual(turnsOf("claude-sonnet-4-5"), [".", "{"]);
  assert.deepEqual(turnsOf("claude-sonnet-4-5", { reasoning: { effort: "low" } }), [".", "{ ", "Continue."]);
  assert.deepEqual(turnsOf("claude-opus-5-5"), [".", "{ ", "Continue."]);
});

test("an error result without content gets a text", () => {
  const { messages } = bodyOf(
    render({
      messages: [
        user,
        { role: "assistant", content: [toolCall("a", "t", "{}")] },
        { role: "user", content: [{ type: "tool-result", callId: "a", content: [{ type: "text", text: "" }], isError: true }] },
      ],
    }),
  ) as { messages: { content: unknown }[] };
  assert.deepEqual(messages[2]?.content, [{ type: "tool_result", tool_use_id: "a", content: "The tool failed.", is_error: true }]);
});

test("each part that this protocol has no field for is reported by its name", () => {
  const rendered = render({
    presencePenalty: 0.5,
    frequencyPenalty: 0,
    logprobs: {},
    verbosity: "low",
    metadata: { a: "b" },
    serviceTier: "flex",
    endUser: "u".repeat(300),
    extensions: { "openai-responses": { store: false, truncation: "auto", reasoning: { summary: "auto", context: "x" } } },
  });
  assert.deepEqual(lossesOf(rendered).toSorted(), [
    "dropped logprobs",
    "dropped metadata",
    "dropped presencePenalty",
    "dropped request.reasoning.context",
    "dropped request.truncation",
    "dropped serviceTier",
    "dropped verbosity",
  ]);
  assert.match((bodyOf(rendered)["metadata"] as { user_id: string }).user_id, /^[0-9a-f]{64}$/);
});

test("several answers are refused, one is not", () => {
  assert.equal(bodyOf(render({ candidateCount: 1 }))["n"], undefined);
  assert.throws(() => render({ candidateCount: 2 }), { code: "invalid_request", param: "candidateCount" });
});
