import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, ChatRequest, Message } from "../../ir/index.ts";
import { request, target, type Wire, assistant, callOf, png, resultOf, text, user } from "../openai-shared/testing.ts";
import type { RenderTarget } from "../translation.ts";
import { renderRequest } from "./render-request.ts";

const bodyOf = (fields: Partial<ChatRequest>, to: Partial<RenderTarget> = {}): Wire =>
  JSON.parse(renderRequest(request(fields), target(to)).value) as Wire;
const messagesOf = (messages: readonly Message[], to: Partial<RenderTarget> = {}): readonly Wire[] =>
  bodyOf({ messages }, to)["messages"] as readonly Wire[];
const lossesOf = (fields: Partial<ChatRequest>, to: Partial<RenderTarget> = {}): readonly string[] =>
  renderRequest(request(fields), target(to)).losses.map(({ param, action }) => `${param} ${action}`);
const wireCall = (id: string): unknown => ({ id, type: "function", function: { name: "read", arguments: '{"path": 1.0}' } });

describe("messages for a Chat upstream", () => {
  test("results are right after their calls, in the order of the calls, followed by the text of the same turn", () => {
    const messages = [
      user(text("go")),
      assistant({ type: "reasoning", text: "hm" }, text("first"), callOf("a"), callOf("b")),
      { role: "system" as const, content: [text("note")] },
      user(resultOf("b", [text("B")]), text("and?"), resultOf("a", [text("A1"), text("A2")])),
    ];
    assert.deepEqual(messagesOf(messages), [
      { role: "user", content: "go" },
      { role: "assistant", content: "first", tool_calls: [wireCall("a"), wireCall("b")] },
      { role: "tool", tool_call_id: "a", content: "A1\n\nA2" },
      { role: "tool", tool_call_id: "b", content: "B" },
      { role: "system", content: "note" },
      { role: "user", content: "and?" },
    ]);
    assert.deepEqual(lossesOf({ messages }), ["thoughts dropped"]);
  });

  test("an answer in several messages becomes one, and the next step another", () => {
    const messages = [
      assistant({ type: "reasoning", text: "r" }),
      assistant(text("commentary")),
      assistant(callOf("a")),
      assistant(callOf("b")),
      user(resultOf("a")),
      user(resultOf("b")),
      assistant(callOf("c")),
      user(resultOf("c")),
    ];
    assert.deepEqual(messagesOf(messages), [
      { role: "assistant", content: "commentary", tool_calls: [wireCall("a"), wireCall("b")] },
      { role: "tool", tool_call_id: "a", content: "done" },
      { role: "tool", tool_call_id: "b", content: "done" },
      { role: "assistant", content: null, tool_calls: [wireCall("c")] },
      { role: "tool", tool_call_id: "c", content: "done" },
    ]);
  });

  test("a call without a result gets one, a result without a call is omitted, and an id that is used again finds the newer call", () => {
    const messages = [assistant(callOf("x")), user(text("stop")), assistant(callOf("x")), user(resultOf("x")), user(resultOf("lost"))];
    assert.deepEqual(messagesOf(messages), [
      { role: "assistant", content: null, tool_calls: [wireCall("x")] },
      { role: "tool", tool_call_id: "x", content: "aborted" },
      { role: "user", content: "stop" },
      { role: "assistant", content: null, tool_calls: [wireCall("x")] },
      { role: "tool", tool_call_id: "x", content: "done" },
    ]);
    assert.deepEqual(lossesOf({ messages }), ["toolCalls emulated", "toolResults dropped"]);
  });

  test("a picture in a result follows all results in a message of the user, and an error is marked in its text", () => {
    const messages = [
      assistant(callOf("a"), callOf("b")),
      user(resultOf("a", [text("shot"), png]), resultOf("b", [text("no file")], true)),
    ];
    assert.deepEqual(messagesOf(messages).slice(1), [
      { role: "tool", tool_call_id: "a", content: "shot\n\n[an attachment follows in the next user message]" },
      { role: "tool", tool_call_id: "b", content: "Error: no file" },
      {
        role: "user",
        content: [
          { type: "text", text: "Attached to the result of read (a):" },
          { type: "image_url", image_url: { url: "data:image/png;base64,aaaa" } },
        ],
      },
    ]);
    assert.deepEqual(lossesOf({ messages }), ["toolResults.media emulated", "toolResults.isError emulated"]);
  });

  test("media of every kind", () => {
    const pdf = { type: "base64" as const, mediaType: "application/pdf", data: "cGRm" };
    const content: Block[] = [
      text("look"),
      { type: "media", kind: "image", source: { type: "url", url: "https://x/y.png" }, detail: "low" },
      { type: "media", kind: "document", source: pdf },
      { type: "media", kind: "document", source: { type: "file", id: "file-1" } },
      { type: "media", kind: "document", source: { type: "text", text: "plain" }, filename: "a.txt" },
      { type: "media", kind: "document", source: { type: "base64", mediaType: "text/csv", data: "YSxi" } },
      { type: "media", kind: "document", source: { type: "url", url: "https://x/y.pdf" } },
      { type: "media", kind: "audio", source: { type: "base64", mediaType: "audio/mpeg", data: "bXAz" } },
      { type: "media", kind: "video", source: { type: "url", url: "https://x/y.mp4" } },
      { type: "opaque", protocol: "gemini-generate", value: { executableCode: {} } },
    ];
    assert.deepEqual(messagesOf([user(...content)]), [
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          { type: "image_url", image_url: { url: "https://x/y.png", detail: "low" } },
          { type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,cGRm" } },
          { type: "file", file: { file_id: "file-1" } },
          { type: "text", text: "a.txt:\nplain" },
          { type: "text", text: "a,b" },
          { type: "text", text: "[document: https://x/y.pdf]" },
          { type: "input_audio", input_audio: { data: "bXAz", format: "mp3" } },
          { type: "video_url", video_url: { url: "https://x/y.mp4" } },
        ],
      },
    ]);
    assert.deepEqual(lossesOf({ messages: [user(...content)] }), ["document emulated", "items[].executableCode dropped"]);
  });

  test("a server without the role developer, and one that requires reasoning beside calls", () => {
    const messages = [
      { role: "developer" as const, content: [text("a"), text("b")] },
      assistant({ type: "reasoning", text: "why" }, callOf("a")),
      user(resultOf("a")),
      assistant({ type: "reasoning", text: "never sent" }, text("end")),
    ];
    assert.deepEqual(messagesOf(messages, { quirks: { noDeveloperRole: true, echoReasoning: true, reasoningField: "reasoning" } }), [
      { role: "system", content: "a\n\nb" },
      { role: "assistant", reasoning: "why", content: null, tool_calls: [wireCall("a")] },
      { role: "tool", tool_call_id: "a", content: "done" },
      { role: "assistant", content: "end" },
    ]);
  });

  test("a signature of Gemini is sent back, and an id that is too long is replaced by its hash", () => {
    const long = "i".repeat(65);
    const proof = { protocol: "gemini-generate" as const, kind: "signature" as const, data: "c2ln" };
    const messages = [assistant(callOf(long, { proof })), user(resultOf(long))];
    const [turn, result] = messagesOf(messages) as {
      tool_calls?: { id: string; extra_content?: unknown }[];
      tool_call_id?: string;
    }[];
    assert.deepEqual(turn?.tool_calls?.[0]?.extra_content, { google: { thought_signature: "c2ln" } });
    assert.match(result?.tool_call_id ?? "", /^call_[0-9a-f]{24}$/);
    assert.equal(turn?.tool_calls?.[0]?.id, result?.tool_call_id);
  });
});

describe("parameters for a Chat upstream", () => {
  const all: Partial<ChatRequest> = {
    maxOutputTokens: 50_000,
    temperature: 0,
    topP: 0.5,
    topK: 5,
    frequencyPenalty: 0.1,
    presencePenalty: 0.2,
    seed: 7,
    logprobs: { top: 2 },
    stop: ["a", "b", "c", "d", "e"],
    verbosity: "low",
    cacheKey: "k",
    endUser: '{"device_id":"d"}',
    serviceTier: "standard_only",
    metadata: { team: "x" },
    reasoning: { enabled: true, budgetTokens: 4_000 },
    responseFormat: { type: "json-schema", schema: { type: "object" }, name: "my format" },
    extensions: { "anthropic-messages": { context_management: { edits: [1] }, container: null }, "openai-responses": { store: true } },
  };

  test("everything that the wire has a field for is rendered", () => {
    assert.deepEqual(bodyOf(all, { stream: true, quirks: { maxTokensField: "max_tokens", maxOutputTokens: 8192 } }), {
      model: "gpt-mock",
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: "user", content: "hi" }],
      reasoning_effort: "low",
      response_format: { type: "json_schema", json_schema: { name: "my_format", schema: { type: "object" } } },
      max_tokens: 8192,
      temperature: 0,
      top_p: 0.5,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      seed: 7,
      stop: ["a", "b", "c", "d"],
      verbosity: "low",
      prompt_cache_key: "k",
      safety_identifier: "357854d94db82037b8aba693c135488981582f38cb9a31b0da5fdefc732309ca",
      metadata: { team: "x" },
      store: true,
    });
  });

  test("several answers are asked for as such, but not as a stream, whose translation has one", () => {
    assert.equal(bodyOf({ candidateCount: 3 })["n"], 3);
    assert.equal(bodyOf({ candidateCount: 1 }, { stream: true })["n"], 1);
    assert.throws(() => bodyOf({ candidateCount: 3 }, { stream: true }), { code: "invalid_request", param: "candidateCount" });
  });

  test("what the wire has no field for is reported", () => {
    assert.deepEqual(lossesOf(all, { quirks: { maxOutputTokens: 8192 } }), [
      "reasoning.budgetTokens emulated",
      "maxOutputTokens clamped",
      "stop clamped",
      "request.context_management dropped",
      "endUser emulated",
      "topK dropped",
      "logprobs dropped",
      "serviceTier dropped",
    ]);
  });

  test("a model that reasons gets no sampling fields, and one that never does gets no effort", () => {
    const fields = { temperature: 0, topP: 0.5, stop: ["x"], presencePenalty: 1, reasoning: { effort: "ultra" } };
    assert.deepEqual(bodyOf(fields, { model: "gpt-5.1" }), {
      model: "gpt-5.1",
      messages: [{ role: "user", content: "hi" }],
      reasoning_effort: "high",
    });
    assert.deepEqual(lossesOf(fields, { model: "gpt-5.1" }), [
      "reasoning.effort clamped",
      "temperature dropped",
      "topP dropped",
      "presencePenalty dropped",
      "stop dropped",
    ]);
    assert.deepEqual(bodyOf({ temperature: 0, reasoning: { enabled: false } }, { model: "gpt-5.1" })["reasoning_effort"], "none");
    assert.deepEqual(bodyOf({ temperature: 0, reasoning: { enabled: false } }, { model: "gpt-5.1" })["temperature"], 0);
    assert.deepEqual(bodyOf({ reasoning: { effort: "high" }, temperature: 1 }, { model: "gpt-4o" }), {
      model: "gpt-4o",
      messages: [{ role: "user", content: "hi" }],
      temperature: 1,
    });
    assert.deepEqual(lossesOf({ reasoning: { effort: "high" } }, { model: "gpt-4o" }), ["reasoning dropped"]);
  });

  test("an effort that the model does not accept becomes the next higher one, or the highest (report 910)", () => {
    const effortsOf = (effort: string): readonly unknown[] =>
      [
        "o3",
        "gpt-5-mini",
        "gpt-5-pro",
        "gpt-5.1",
        "gpt-5.1-codex-max",
        "openai/gpt-5.2",
        "gpt-5.4-pro",
        "gpt-5.6-luna",
        "gpt-6",
        "deepseek-r2",
      ].map((model) => bodyOf({ reasoning: { effort } }, { model })["reasoning_effort"]);
    assert.deepEqual(effortsOf("none"), ["low", "minimal", "high", "none", "low", "none", "medium", "none", "none", "none"]);
    assert.deepEqual(effortsOf("minimal"), ["low", "minimal", "high", "low", "low", "low", "medium", "low", "low", "minimal"]);
    assert.deepEqual(effortsOf("xhigh"), ["high", "high", "high", "high", "xhigh", "xhigh", "xhigh", "xhigh", "xhigh", "xhigh"]);
    assert.deepEqual(effortsOf("max"), ["high", "high", "high", "high", "xhigh", "xhigh", "xhigh", "max", "max", "max"]);
  });

  test("an unknown model of a compatible server gets an effort that all know, and only if the client names one", () => {
    const sent = (reasoning: NonNullable<ChatRequest["reasoning"]>, to: Partial<RenderTarget> = {}): readonly unknown[] => {
      const compatible = { model: "llama", ...to, quirks: { noVendorFields: true, ...to.quirks } };
      return [bodyOf({ reasoning }, compatible)["reasoning_effort"], ...lossesOf({ reasoning }, compatible)];
    };
    assert.deepEqual(sent({ effort: "medium" }), ["medium"]);
    assert.deepEqual(sent({ effort: "minimal" }), ["low", "reasoning.effort clamped"]);
    assert.deepEqual(sent({ effort: "xhigh" }), ["high", "reasoning.effort clamped"]);
    assert.deepEqual(sent({ enabled: true, budgetTokens: 2048 }), [undefined, "reasoning dropped"]);
    assert.deepEqual(sent({ adaptive: true }), [undefined]);
    const picky = { quirks: { effortOfKnownModels: true } };
    assert.deepEqual(sent({ effort: "medium" }, picky), [undefined, "reasoning dropped"]);
    assert.deepEqual(sent({ effort: "medium" }, { ...picky, model: "openai/gpt-oss-20b" }), ["medium"]);
    assert.deepEqual(sent({ budgetTokens: 2048 }, { ...picky, model: "gpt-oss:20b" }), ["low", "reasoning.budgetTokens emulated"]);
  });

  test("models that reason only if asked get sampling fields if the client asks for no effort", () => {
    const taken = [
      "gpt-5",
      "gpt-5.1",
      "gpt-5.1-codex",
      "gpt-5.2",
      "gpt-5.2-codex",
      "gpt-5.2-chat-latest",
      "gpt-5.4-mini",
      "gpt-5.4-pro",
      "gpt-5.5",
      "gpt-4o",
      "gpt-4o-search-preview",
      "gpt-5-chat-latest",
    ].filter((model) => bodyOf({ temperature: 0.5 }, { model })["temperature"] === 0.5);
    assert.deepEqual(taken, ["gpt-5.1", "gpt-5.2", "gpt-5.4-mini", "gpt-4o", "gpt-5-chat-latest"]);
  });

  test("a server that refuses OpenAI's own fields and options of streams gets none of them", () => {
    assert.deepEqual(
      bodyOf({ cacheKey: "k", verbosity: "low", endUser: "u" }, { stream: true, quirks: { noVendorFields: true, noStreamOptions: true } }),
      {
        model: "gpt-mock",
        stream: true,
        messages: [{ role: "user", content: "hi" }],
      },
    );
    assert.deepEqual(lossesOf({ cacheKey: "k", endUser: "u" }, { quirks: { noVendorFields: true } }), [
      "cacheKey dropped",
      "endUser dropped",
    ]);
  });

  test("a schema that the client's own vendor enforces is strict if OpenAI accepts it as strict; else its loss is reported", () => {
    const closed = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
    const strictOf = (schema: object, quirks: RenderTarget["quirks"] = {}): readonly unknown[] => {
      const fields = { responseFormat: { type: "json-schema" as const, schema: schema as Wire, isEnforced: true as const } };
      const format = bodyOf(fields, { quirks })["response_format"] as { json_schema: Wire };
      return [format.json_schema["strict"], ...lossesOf(fields, { quirks })];
    };
    assert.deepEqual(strictOf(closed), [true]);
    assert.deepEqual(strictOf({ ...closed, required: [] }), [undefined, "responseFormat.schema emulated"]);
    assert.deepEqual(strictOf(closed, { noVendorFields: true }), [undefined, "responseFormat.schema emulated"]);
  });

  test("JSON without a schema is asked for in words, if no message does", () => {
    const responseFormat = { type: "json-object" as const };
    assert.deepEqual(bodyOf({ responseFormat }), {
      model: "gpt-mock",
      messages: [
        { role: "system", content: "Answer with JSON." },
        { role: "user", content: "hi" },
      ],
      response_format: { type: "json_object" },
    });
    const asks = [user(text("as Json, please"))];
    assert.deepEqual(bodyOf({ responseFormat, messages: asks })["messages"], [{ role: "user", content: "as Json, please" }]);
  });

  test("state and actions that only another provider has are refused", () => {
    for (const [protocol, field, value] of [
      ["openai-responses", "previous_response_id", "resp_1"],
      ["anthropic-messages", "mcp_servers", [{ url: "https://x" }]],
      ["gemini-generate", "cachedContent", "cachedContents/1"],
    ] as const) {
      assert.throws(() => bodyOf({ extensions: { [protocol]: { [field]: value } } }), { code: "invalid_request", param: field });
    }
  });
});
