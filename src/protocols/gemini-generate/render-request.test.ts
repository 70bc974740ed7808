import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import type { Block, ChatRequest, Message } from "../../ir/index.ts";
import { bodyOf, lossesOf, toolCall } from "../testing.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { callOf, generateCall, wireFixture } from "./testing.ts";
import { parseRequest } from "./parse-request.ts";
import { renderRequest } from "./render-request.ts";

const user: Message = { role: "user", content: [{ type: "text", text: "hi" }] };

function targetOf(model: string, quirks: RenderTarget["quirks"] = {}): RenderTarget {
  return { model, stream: false, quirks };
}

function render(request: Partial<ChatRequest>, model = "gemini-2.5-flash", quirks: RenderTarget["quirks"] = {}): Rendered<string> {
  return renderRequest({ model: "alias", stream: false, messages: [user], ...request }, targetOf(model, quirks));
}

function resultOf(callId: string, ...content: Block[]): Message {
  return { role: "user", content: [{ type: "tool-result", callId, content }] };
}

for (const [name, model] of [
  ["gemini-cli-image.json", "gemini-3.8-flash"],
  ["gemini-cli-router.json", "gemini-3.8-flash"],
  ["node-sdk-response-schema.json", "gemini-2.5-flash"],
  ["node-sdk-tool-loop.json", "gemini-2.5-flash"],
  ["python-sdk-chat.json", "gemini-2.5-flash"],
] as const) {
  test(`${name} of this protocol's own client is rendered as it was parsed, except for unsigned thoughts`, () => {
    const request = parseRequest(wireFixture(name), generateCall);
    const rendered = renderRequest(request, targetOf(model));
    const again = parseRequest(JSON.parse(rendered.value), generateCall);
    const plain = (each: ChatRequest): unknown => ({
      ...each,
      messages: each.messages.map(({ role, content }) => ({
        role,
        content: content.filter((block) => block.type !== "reasoning" || block.proof !== undefined),
      })),
    });
    assert.deepEqual(plain(again), plain(request));
  });
}

test("a whole conversation of another dialect is rendered", () => {
  const rendered = render(
    {
      messages: [
        { role: "system", content: [{ type: "text", text: "be brief" }] },
        user,
        {
          role: "assistant",
          content: [
            { type: "reasoning", text: "foreign" },
            toolCall("c1", "shell", '{ "n": 1.0 }'),
            toolCall("c2", "spawn", "", { namespace: "agents" }),
          ],
        },
        { role: "assistant", content: [toolCall("c3", "patch", "*** Begin", { kind: "custom" })] },
        resultOf(
          "c3",
          { type: "text", text: "done" },
          { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AA==" } },
        ),
        { role: "user", content: [{ type: "tool-result", callId: "c1", content: [{ type: "text", text: "no" }], isError: true }] },
        resultOf("gone"),
        { role: "developer", content: [{ type: "text", text: "now faster" }] },
      ],
      tools: [
        {
          type: "function",
          name: "shell",
          description: "runs",
          parameters: { type: "object", properties: { n: { const: 1 } }, additionalProperties: false },
          strict: true,
        },
        {
          type: "function",
          name: "spawn",
          namespace: "agents",
          parameters: { type: "object", properties: {}, additionalProperties: false },
        },
        { type: "custom", name: "patch" },
      ],
      toolChoice: { type: "allowed", names: ["shell", "spawn"], required: false },
      parallelToolCalls: false,
      temperature: 3,
      topP: 0.5,
      topK: 4,
      seed: 7,
      candidateCount: 1,
      maxOutputTokens: 100,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      logprobs: { top: 2 },
      stop: ["1", "2", "3", "4", "5", "6"],
      verbosity: "low",
      endUser: "u",
    },
    "gemini-3-flash-preview",
  );
  const input = { type: "object", properties: { input: { type: "string" } }, required: ["input"], additionalProperties: false };
  assert.deepEqual(bodyOf(rendered), {
    systemInstruction: { parts: [{ text: "be brief" }] },
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      {
        role: "model",
        parts: [
          { functionCall: { id: "c1", name: "shell", args: { n: 1 } }, thoughtSignature: "skip_thought_signature_validator" },
          { functionCall: { id: "c2", name: "agents__spawn", args: {} } },
          { functionCall: { id: "c3", name: "patch", args: { input: "*** Begin" } } },
        ],
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "c1", name: "shell", response: { error: "no" } } },
          { functionResponse: { id: "c2", name: "agents__spawn", response: { error: "aborted" } } },
          {
            functionResponse: {
              id: "c3",
              name: "patch",
              response: { output: "done" },
              parts: [{ inlineData: { mimeType: "image/png", data: "AA==" } }],
            },
          },
          { text: "<system-reminder>\nnow faster\n</system-reminder>" },
        ],
      },
    ],
    tools: [
      {
        functionDeclarations: [
          {
            name: "shell",
            description: "runs",
            parametersJsonSchema: { type: "object", properties: { n: { type: "number", enum: [1] } }, additionalProperties: false },
          },
          { name: "agents__spawn" },
          {
            name: "patch",
            description: "Give the whole free text of this tool's input, as it is, in `input`.",
            parametersJsonSchema: input,
          },
        ],
      },
    ],
    toolConfig: { functionCallingConfig: { mode: "VALIDATED", allowedFunctionNames: ["shell", "agents__spawn"] } },
    generationConfig: {
      temperature: 2,
      topP: 0.5,
      topK: 4,
      candidateCount: 1,
      maxOutputTokens: 100,
      stopSequences: ["1", "2", "3", "4", "5"],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
    },
  });
  assert.ok(rendered.value.includes('"args":{ "n": 1.0 }'), "arguments keep their spelling");
  assert.deepEqual(lossesOf(rendered).toSorted(), [
    "clamped stop",
    "clamped temperature",
    "dropped endUser",
    "dropped logprobs",
    "dropped parallelToolCalls",
    "dropped thoughts",
    "dropped toolResults",
    "dropped tools[].strict",
    "dropped verbosity",
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

test("the vendor's own signatures are sent; on models that check, the first unsigned call of a step of this turn gets a placeholder", () => {
  const proof = { protocol: "gemini-generate", kind: "signature", data: "c2ln" } as const;
  const messages: Message[] = [
    user,
    { role: "assistant", content: [toolCall("0", "t", "{}")] },
    resultOf("0"),
    {
      role: "assistant",
      content: [
        { type: "text", text: "x" },
        { type: "reasoning", text: "", proof },
      ],
    },
    user,
    {
      role: "assistant",
      content: [{ type: "reasoning", text: "th", proof }, toolCall("1", "t", "{}", { proof }), toolCall("2", "t", "{}")],
    },
    resultOf("1"),
    resultOf("2"),
    { role: "assistant", content: [toolCall("3", "t", "{}"), toolCall("4", "t", "{}")] },
    resultOf("3"),
    resultOf("4"),
  ];
  const signaturesOf = (model: string): unknown =>
    (bodyOf(render({ messages }, model))["contents"] as { role: string; parts: { thoughtSignature?: string }[] }[])
      .filter(({ role }) => role === "model")
      .map(({ parts }) => parts.map(({ thoughtSignature }) => thoughtSignature));
  const skip = "skip_thought_signature_validator";
  assert.deepEqual(signaturesOf("gemini-3-pro-preview"), [[undefined], ["c2ln"], ["c2ln", "c2ln", undefined], [skip, undefined]]);
  assert.deepEqual(signaturesOf("gemini-2.5-pro"), [[undefined], ["c2ln"], ["c2ln", "c2ln", undefined], [undefined, undefined]]);
});

test("unsigned thoughts of a turn with a signature are omitted; those of any other turn are reported as lost", () => {
  const call = toolCall("c1", "f", "{}", { proof: { protocol: "gemini-generate", kind: "signature", data: "SIG" } });
  const spoken = (): Message => ({
    role: "assistant",
    content: [
      { type: "reasoning", text: "hm" },
      { type: "text", text: "I look." },
    ],
  });
  const messages: Message[] = [user, spoken(), { role: "assistant", content: [call] }, resultOf("c1", { type: "text", text: "ok" })];
  assert.deepEqual(lossesOf(render({ messages }, "gemini-3-flash")), []);
  assert.deepEqual(lossesOf(render({ messages: [user, spoken(), user, ...messages] }, "gemini-3-flash")), ["dropped thoughts"]);
});

test("the amount of thinking has the form that the model accepts", () => {
  const thinkingOf = (reasoning: NonNullable<ChatRequest["reasoning"]>, model: string): unknown => {
    const rendered = render({ reasoning }, model);
    return [(bodyOf(rendered)["generationConfig"] as { thinkingConfig?: unknown } | undefined)?.thinkingConfig, ...lossesOf(rendered)];
  };
  assert.deepEqual(thinkingOf({ effort: "high" }, "gemini-3-flash-preview"), [{ thinkingLevel: "HIGH", includeThoughts: true }]);
  assert.deepEqual(thinkingOf({ effort: "xhigh", visibility: "summary" }, "gemini-3-flash-preview"), [
    { thinkingLevel: "HIGH", includeThoughts: true },
    "clamped reasoning.effort",
  ]);
  assert.deepEqual(thinkingOf({ effort: "medium" }, "gemini-3-pro-preview"), [
    { thinkingLevel: "HIGH", includeThoughts: true },
    "clamped reasoning.effort",
  ]);
  assert.deepEqual(thinkingOf({ effort: "minimal" }, "gemini-3.1-pro-preview"), [
    { thinkingLevel: "LOW", includeThoughts: true },
    "clamped reasoning.effort",
  ]);
  assert.deepEqual(thinkingOf({ enabled: true, budgetTokens: 5000 }, "gemini-3-flash"), [
    { thinkingLevel: "MEDIUM", includeThoughts: true },
    "emulated reasoning.budgetTokens",
  ]);
  assert.deepEqual(thinkingOf({ effort: "none" }, "gemini-2.5-flash"), [{ thinkingBudget: 0 }]);
  assert.deepEqual(thinkingOf({ enabled: false }, "gemini-2.5-pro"), [{ thinkingBudget: 128 }, "clamped reasoning"]);
  assert.deepEqual(thinkingOf({ effort: "medium" }, "gemini-2.5-pro"), [{ thinkingBudget: 8192, includeThoughts: true }]);
  assert.deepEqual(thinkingOf({ adaptive: true, visibility: "none" }, "gemini-2.5-pro"), [{ thinkingBudget: -1, includeThoughts: false }]);
  assert.deepEqual(thinkingOf({ budgetTokens: 99_999 }, "gemini-2.5-flash"), [
    { thinkingBudget: 24_576 },
    "clamped reasoning.budgetTokens",
  ]);
  assert.deepEqual(thinkingOf({ effort: "high" }, "gemini-2.0-flash"), [undefined, "dropped reasoning"]);
});

test("structured output is a schema, or an instruction beside functions on older models", () => {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      a: { type: "string", pattern: "^x", description: "an a" },
      b: { $ref: "#/definitions/B", description: "a b" },
      c: { allOf: [{ type: "object", properties: { d: { type: "string" } } }, { properties: { e: true } }] },
      f: { type: "number", nullable: true, exclusiveMinimum: 0 },
    },
    definitions: { B: { oneOf: [{ const: "x" }, { type: "null" }] } },
  };
  const rendered = render({ responseFormat: { type: "json-schema", name: "n", schema } });
  assert.deepEqual(bodyOf(rendered)["generationConfig"], {
    responseMimeType: "application/json",
    responseJsonSchema: {
      type: "object",
      properties: {
        a: { type: "string", description: 'an a (pattern: "^x")' },
        b: { description: "a b", anyOf: [{ $ref: "#/$defs/B" }] },
        c: { type: "object", properties: { d: { type: "string" }, e: {} } },
        f: { type: ["number", "null"], description: "(exclusiveMinimum: 0)" },
      },
      $defs: { B: { oneOf: [{ type: "string", enum: ["x"] }, { type: "null" }] } },
    },
  });
  assert.deepEqual(lossesOf(rendered), ["emulated responseFormat.schema"]);
  const tools = [{ type: "function", name: "t" }] as const;
  const beside = render({ tools, responseFormat: { type: "json-object" } });
  assert.deepEqual(bodyOf(beside), {
    systemInstruction: { parts: [{ text: "When you answer the user, answer with one JSON object and nothing else." }] },
    contents: [{ role: "user", parts: [{ text: "hi" }] }],
    tools: [{ functionDeclarations: [{ name: "t" }] }],
  });
  assert.deepEqual(lossesOf(beside), ["emulated responseFormat"]);
  assert.deepEqual(bodyOf(render({ tools, responseFormat: { type: "json-object" } }, "gemini-3-flash"))["generationConfig"], {
    responseMimeType: "application/json",
  });
});

test("the choice of tools is rendered", () => {
  const tools = [
    { type: "function", name: "a" },
    { type: "custom", name: "b", namespace: "n" },
  ] as const;
  const choiceOf = (toolChoice: NonNullable<ChatRequest["toolChoice"]>): unknown => bodyOf(render({ tools, toolChoice }))["toolConfig"];
  assert.deepEqual(choiceOf({ type: "auto" }), { functionCallingConfig: { mode: "AUTO" } });
  assert.deepEqual(choiceOf({ type: "none" }), { functionCallingConfig: { mode: "NONE" } });
  assert.deepEqual(choiceOf({ type: "required" }), { functionCallingConfig: { mode: "ANY" } });
  assert.deepEqual(choiceOf({ type: "named", name: "b" }), { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["n__b"] } });
  assert.deepEqual(choiceOf({ type: "allowed", names: ["a"], required: true }), {
    functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["a"] },
  });
  const refused = (error: unknown): boolean => error instanceof GatewayError && error.status === 400 && error.param === "toolChoice";
  assert.throws(() => choiceOf({ type: "named", name: "zz" }), refused);
  assert.throws(() => render({ toolChoice: { type: "required" } }), refused);
});

test("servers that only another vendor connects to are refused", () => {
  const refused = (error: unknown): boolean => error instanceof GatewayError && error.status === 400 && error.param === "mcp_servers";
  assert.throws(() => render({ extensions: { "anthropic-messages": { mcp_servers: [{}] } } }), refused);
});

test("a web search becomes the vendor's own if there is no function beside it", () => {
  const search = {
    type: "server",
    name: "web_search_preview",
    protocol: "openai-responses",
    wire: { type: "web_search_preview" },
  } as const;
  const alone = render({ tools: [search] });
  assert.deepEqual([bodyOf(alone)["tools"], lossesOf(alone)], [[{ googleSearch: {} }], ["emulated tools[]"]]);
  const beside = render({ tools: [{ type: "function", name: "t" }, search] });
  assert.deepEqual([bodyOf(beside)["tools"], lossesOf(beside)], [[{ functionDeclarations: [{ name: "t" }] }], ["dropped tools[]"]]);
});

test("nothing is added to a plain request", () => {
  const rendered = render({});
  assert.equal(rendered.value, '{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}');
  assert.deepEqual(rendered.losses, []);
  assert.deepEqual(parseRequest(JSON.parse(rendered.value), callOf("POST /v1beta/models/{model}:generateContent", "alias")), {
    model: "alias",
    stream: false,
    messages: [user],
  });
});
