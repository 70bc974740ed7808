import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block, ChatRequest } from "../../ir/index.ts";
import { parseRequest } from "./parse-request.ts";
import { callOf, generateCall, streamCall, wireFixture } from "./testing.ts";

const parse = (wire: unknown): ChatRequest => parseRequest(wire, generateCall);
const own = (fields: Record<string, unknown>) => ({ extensions: { "gemini-generate": fields } });
const proof = (data: string) => ({ protocol: "gemini-generate", kind: "signature", data });
const call = (id: string, name: string, args: string, rest: object = {}) => ({
  type: "tool-call",
  id,
  name,
  kind: "function",
  arguments: args,
  ...rest,
});
const result = (callId: string, name: string, text: string, response: object) => ({
  type: "tool-result",
  callId,
  name,
  kind: "function",
  content: [{ type: "text", text }],
  ...own({ response }),
});
const bashSchema = { type: "object", properties: { command: { type: "string" } }, required: ["command"] };
const blocksOf = (parts: unknown[], role = "model"): readonly Block[] => parse({ contents: [{ role, parts }] }).messages[0]?.content ?? [];

test("the tool loop of the Node SDK is parsed: thoughts, texts of a stream, signatures, upper-case types", () => {
  const openApi = { type: "OBJECT", properties: { command: { type: "STRING" } }, required: ["command"] };
  assert.deepEqual(parseRequest(wireFixture("node-sdk-tool-loop.json"), streamCall), {
    model: "gemini-x",
    stream: true,
    messages: [
      { role: "system", content: [{ type: "text", text: "sys" }] },
      { role: "user", content: [{ type: "text", text: "Do the task." }] },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "I must do step 0 of two." },
          { type: "text", text: "Step 0: I will use a tool. ✓" },
          call("628add16", "bash", `{"command":"printf '%s' 'step-0-0' > /work"}`, { proof: proof("c2lnLTA=") }),
        ],
      },
      { role: "user", content: [result("628add16", "bash", "step-0-0\n", { output: "step-0-0\n" })] },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "I must do step 1 of two." },
          { type: "text", text: "Step 1: I will use a tool. ✓" },
          call("e0df1980", "bash", `{"command":"printf '%s' 'step-1-0' > /work"}`, { proof: proof("c2lnLTE=") }),
          call("ac848729", "bash", `{"command":"printf '%s' 'step-1-1' > /work"}`),
        ],
      },
      {
        role: "user",
        content: [
          result("e0df1980", "bash", "step-1-0\n", { output: "step-1-0\n" }),
          result("ac848729", "bash", "step-1-1\n", { output: "step-1-1\n" }),
        ],
      },
    ],
    tools: [{ type: "function", name: "bash", description: "run", parameters: bashSchema, ...own({ parameters: openApi }) }],
    reasoning: { visibility: "summary" },
  });
});

test("the Python SDK's chat is parsed: a content for each chunk, results without ids, keys in snake_case", () => {
  const request = parse(wireFixture("python-sdk-chat.json"));
  const command = (step: string) => `{"command":"printf '%s' '${step}' > /work","description":"run a step"}`;
  assert.deepEqual(request, {
    model: "gemini-x",
    stream: false,
    messages: [
      { role: "system", content: [{ type: "text", text: "sys" }] },
      { role: "user", content: [{ type: "text", text: "Do the task." }] },
      {
        role: "assistant",
        content: [
          { type: "text", text: "Step 0: I will use a tool. ✓" },
          call("1768e8fa", "bash", command("step-0-0"), { proof: proof("c2lnLTA=") }),
        ],
      },
      { role: "user", content: [result("1768e8fa", "bash", "step-0-0\n", { result: "step-0-0\n" })] },
      {
        role: "assistant",
        content: [
          { type: "text", text: "Step 1: I will use a tool. ✓" },
          call("3aa1d7b2", "bash", command("step-1-0"), { proof: proof("c2lnLTE=") }),
          call("0a1b2fa8", "bash", command("step-1-1")),
        ],
      },
      {
        role: "user",
        content: [
          result("3aa1d7b2", "bash", "step-1-0\n", { result: "step-1-0\n" }),
          result("0a1b2fa8", "bash", "step-1-1\n", { result: "step-1-1\n" }),
        ],
      },
    ],
    tools: [
      {
        type: "function",
        name: "bash",
        description: "run a shell command",
        parameters: bashSchema,
        ...own({ responseJsonSchema: { type: "string" } }),
      },
    ],
  });
});

test("gemini-cli's router is parsed: consecutive contents of one role, a JSON Schema with upper-case types, thinking by level", () => {
  assert.deepEqual(parse(wireFixture("gemini-cli-router.json")), {
    model: "gemini-x",
    stream: false,
    messages: [
      {
        role: "system",
        content: [{ type: "text", text: "\nYou are a specialized Task Routing AI. Your sole function is to analy…" }],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "<session_context>\nThis is the Gemini CLI. We are setting up the contex…" },
          { type: "text", text: "Do the task." },
        ],
      },
    ],
    temperature: 1,
    topP: 0.95,
    topK: 64,
    reasoning: { effort: "high", visibility: "summary" },
    responseFormat: {
      type: "json-schema",
      isEnforced: true,
      schema: {
        type: "object",
        properties: {
          complexity_reasoning: { type: "string", description: "Brief explanation for the score." },
          complexity_score: { type: "integer", description: "Complexity score from 1-100." },
        },
        required: ["complexity_reasoning", "complexity_score"],
      },
    },
  });
});

const image = {
  type: "media",
  kind: "image",
  source: {
    type: "base64",
    mediaType: "image/png",
    data: "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC",
  },
};
const binary = "Binary content provided (1 item(s)).";

test("gemini-cli's image is parsed: the result, and the image beside it", () => {
  assert.deepEqual(parse(wireFixture("gemini-cli-image.json")).messages[3], {
    role: "user",
    content: [result("26964bde", "read_file", binary, { output: binary }), image],
  });
});

test("a request for a token count may begin with a result without its call, and may be wrapped", () => {
  const expected = {
    model: "gemini-x",
    stream: false,
    messages: [{ role: "user", content: [result("read_file__26964bde", "read_file", binary, { output: binary }), image] }],
  };
  const wire = wireFixture("gemini-cli-count-tokens.json");
  const countCall = callOf("POST /v1/models/{model}:countTokens");
  assert.deepEqual(parseRequest(wire, countCall), expected);
  assert.deepEqual(parseRequest({ generateContentRequest: { model: "models/gemini-x", ...(wire as object) } }, countCall), expected);
});

test("every field with a neutral name is mapped, in either spelling, and the rest is kept under its own key", () => {
  const rest = { safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }], cachedContent: "cachedContents/1" };
  const neutral: ChatRequest = {
    model: "gemini-x",
    stream: false,
    messages: [
      { role: "system", content: [{ type: "text", text: "sys" }] },
      { role: "user", content: [{ type: "text", text: "hi" }] },
    ],
    tools: [{ type: "server", name: "googleSearch", protocol: "gemini-generate", wire: { googleSearch: {} } }],
    toolChoice: { type: "allowed", names: ["a", "b"], required: true },
    temperature: 0,
    topP: 1,
    topK: 2,
    candidateCount: 3,
    maxOutputTokens: 100,
    stop: ["END"],
    seed: 7,
    presencePenalty: 0.5,
    frequencyPenalty: -0.5,
    logprobs: { top: 4 },
    reasoning: { enabled: true, budgetTokens: 512, visibility: "none" },
    responseFormat: { type: "json-object" },
    serviceTier: "flex",
    metadata: { team_name: "x" },
    extensions: {
      "gemini-generate": {
        ...rest,
        generationConfig: { responseModalities: ["TEXT"] },
        toolConfig: { retrievalConfig: { languageCode: "de" } },
      },
    },
  };
  const camel = {
    contents: [{ parts: [{ text: "hi" }] }],
    systemInstruction: "sys",
    tools: [{ googleSearch: {} }],
    toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["a", "b"] }, retrievalConfig: { languageCode: "de" } },
    generationConfig: {
      temperature: 0,
      topP: 1,
      topK: 2,
      candidateCount: 3,
      maxOutputTokens: 100,
      stopSequences: ["END"],
      seed: 7,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      responseLogprobs: true,
      logprobs: 4,
      responseMimeType: "application/json",
      thinkingConfig: { includeThoughts: false, thinkingBudget: 512 },
      responseModalities: ["TEXT"],
    },
    serviceTier: "flex",
    labels: { team_name: "x" },
    ...rest,
  };
  const snake = {
    contents: [{ parts: [{ text: "hi" }], role: "user" }],
    system_instruction: { parts: { text: "sys" } },
    tools: [{ google_search: {} }],
    tool_config: { function_calling_config: { mode: "ANY", allowed_function_names: ["a", "b"] }, retrieval_config: { languageCode: "de" } },
    generation_config: {
      temperature: 0,
      top_p: 1,
      top_k: 2,
      candidate_count: 3,
      max_output_tokens: "100",
      stop_sequences: ["END"],
      seed: 7,
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      response_logprobs: true,
      logprobs: 4,
      response_mime_type: "application/json",
      thinking_config: { include_thoughts: false, thinking_budget: 512 },
      response_modalities: ["TEXT"],
    },
    service_tier: "flex",
    labels: { team_name: "x" },
    safety_settings: rest.safetySettings,
    cached_content: rest.cachedContent,
  };
  assert.deepEqual(parse(camel), neutral);
  assert.deepEqual(parse(snake), neutral);
});

const configs: readonly (readonly [wire: object, neutral: object])[] = [
  [{ thinkingConfig: { thinkingBudget: 0 } }, { reasoning: { enabled: false } }],
  [{ thinkingConfig: { thinkingBudget: -1 } }, { reasoning: { adaptive: true } }],
  [{ thinkingConfig: { thinkingLevel: "MINIMAL", includeThoughts: true } }, { reasoning: { effort: "minimal", visibility: "summary" } }],
  [{ thinkingConfig: { thinkingLevel: "THINKING_LEVEL_UNSPECIFIED" } }, {}],
  [{ responseMimeType: "text/plain" }, { responseFormat: { type: "text" } }],
  [
    { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a"] } },
    own({ generationConfig: { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a"] } } }),
  ],
  [{ responseLogprobs: true }, { logprobs: {} }],
  [{ responseLogprobs: false, logprobs: 3 }, {}],
];
for (const [generationConfig, neutral] of configs) {
  test(`generationConfig ${JSON.stringify(generationConfig)}`, () => {
    assert.deepEqual(parse({ contents: [], generationConfig }), { model: "gemini-x", stream: false, messages: [], ...neutral });
  });
}

const modes: readonly (readonly [wire: object, neutral: object])[] = [
  [{ mode: "AUTO" }, { toolChoice: { type: "auto" } }],
  [{ mode: "NONE" }, { toolChoice: { type: "none" } }],
  [{ mode: "ANY" }, { toolChoice: { type: "required" } }],
  [{ mode: "ANY", allowedFunctionNames: ["f"] }, { toolChoice: { type: "named", name: "f" } }],
  [
    { mode: "VALIDATED", allowedFunctionNames: ["f"] },
    {
      toolChoice: { type: "allowed", names: ["f"], required: false },
      ...own({ toolConfig: { functionCallingConfig: { mode: "VALIDATED" } } }),
    },
  ],
];
for (const [functionCallingConfig, neutral] of modes) {
  test(`functionCallingConfig ${JSON.stringify(functionCallingConfig)}`, () => {
    const request = parse({ contents: [], toolConfig: { functionCallingConfig } });
    assert.deepEqual(request, { model: "gemini-x", stream: false, messages: [], ...neutral });
  });
}

test("media are parsed by type, by file of the vendor's store, and by address", () => {
  const parts = [
    { inlineData: { mimeType: "application/pdf", data: "JVBE", displayName: "a.pdf" } },
    { inline_data: { mime_type: "audio/wav", data: "UklG" }, mediaResolution: { level: "MEDIA_RESOLUTION_LOW" } },
    { fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/abc", mimeType: "video/mp4" } },
    { fileData: { fileUri: "https://youtu.be/x" }, videoMetadata: { startOffset: "1s" } },
    { fileData: { fileUri: "gs://bucket/b.png", mimeType: "image/png" } },
  ];
  assert.deepEqual(blocksOf(parts, "user"), [
    { type: "media", kind: "document", source: { type: "base64", mediaType: "application/pdf", data: "JVBE" }, filename: "a.pdf" },
    {
      type: "media",
      kind: "audio",
      source: { type: "base64", mediaType: "audio/wav", data: "UklG" },
      detail: "low",
      ...own({ mediaResolution: { level: "MEDIA_RESOLUTION_LOW" } }),
    },
    { type: "media", kind: "video", source: { type: "file", id: "files/abc", mediaType: "video/mp4" } },
    { type: "media", kind: "video", source: { type: "url", url: "https://youtu.be/x" }, ...own({ videoMetadata: { startOffset: "1s" } }) },
    { type: "media", kind: "image", source: { type: "url", url: "gs://bucket/b.png", mediaType: "image/png" } },
  ]);
});

test("parts that only the vendor understands are kept whole", () => {
  const parts = [{ executableCode: { language: "PYTHON", code: "1" } }, { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } }];
  assert.deepEqual(
    blocksOf(parts),
    parts.map((value) => ({ type: "opaque", protocol: "gemini-generate", value })),
  );
});

test("the signature of a text follows it; a turn may end in a signature alone; placeholders are not proofs", () => {
  const parts = [
    { text: "a", thoughtSignature: "S1" },
    { text: "b" },
    { text: "", thoughtSignature: "S2" },
    { functionCall: { name: "f", id: "1" }, thoughtSignature: "skip_thought_signature_validator" },
    { text: "why", thought: true },
    { text: " so", thought: true, thoughtSignature: "S3" },
  ];
  assert.deepEqual(blocksOf(parts), [
    { type: "text", text: "a" },
    { type: "reasoning", text: "", proof: proof("S1") },
    { type: "text", text: "b" },
    { type: "reasoning", text: "", proof: proof("S2") },
    call("1", "f", "{}"),
    { type: "reasoning", text: "why so", proof: proof("S3") },
  ]);
});

test("media inside a result belong to the result", () => {
  const parts = [
    { functionCall: { id: "1", name: "f" } },
    {
      functionResponse: {
        id: "1",
        name: "f",
        response: { output: "x" },
        parts: [{ inlineData: { mimeType: "image/png", data: "iVBO" } }],
        willContinue: false,
      },
    },
  ];
  assert.deepEqual(blocksOf(parts, "user")[1], {
    type: "tool-result",
    callId: "1",
    name: "f",
    kind: "function",
    content: [
      { type: "text", text: "x" },
      { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "iVBO" } },
    ],
    ...own({ response: { output: "x" }, willContinue: false }),
  });
});

test("the model of the path is named without its collection", () => {
  assert.equal(parseRequest({ contents: [] }, callOf("POST /v1beta/models/{model}:generateContent", "models/gemini-x")).model, "gemini-x");
});
