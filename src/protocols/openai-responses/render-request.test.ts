import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, ChatRequest, Message, Tool } from "../../ir/index.ts";
import { request, target, type Wire, assistant, callOf, png, resultOf, text, user } from "../openai-shared/testing.ts";
import type { RenderTarget } from "../translation.ts";
import { renderRequest } from "./render-request.ts";

const bodyOf = (fields: Partial<ChatRequest>, to: Partial<RenderTarget> = {}): Wire =>
  JSON.parse(renderRequest(request(fields), target(to)).value) as Wire;
const lossesOf = (fields: Partial<ChatRequest>, to: Partial<RenderTarget> = {}): readonly string[] =>
  renderRequest(request(fields), target(to)).losses.map(({ param, action }) => `${param} ${action}`);
const inputOf = (messages: readonly Message[]): unknown => bodyOf({ messages })["input"];
const said = (role: string, ...texts: string[]): unknown => ({
  type: "message",
  role,
  content: texts.map((value) => ({ type: "input_text", text: value })),
});
const answered = (content: unknown): Wire => ({ ...(typeof content === "string" ? {} : { type: "message" }), role: "assistant", content });
const wireCall = (id: string): unknown => ({ type: "function_call", call_id: id, name: "read", arguments: '{"path": 1.0}' });
const output = (id: string, value: unknown): unknown => ({ type: "function_call_output", call_id: id, output: value });
const least = { model: "gpt-mock", store: false, include: ["reasoning.encrypted_content"] };

describe("input for a Responses upstream", () => {
  test("leading messages of the system are the instructions, later ones keep their places", () => {
    const messages: Message[] = [
      { role: "system", content: [text("a"), text("b")] },
      { role: "system", content: [text("c")] },
      { role: "developer", content: [text("d")] },
      user(text("hi")),
      { role: "system", content: [text("e")] },
    ];
    assert.deepEqual(bodyOf({ messages }), {
      ...least,
      instructions: "a\n\nb\n\nc",
      input: [said("developer", "d"), said("user", "hi"), said("system", "e")],
    });
  });

  test("each block is an item in its place; results keep their pictures and the mark of an error", () => {
    const own = { protocol: "openai-responses" as const, kind: "encrypted" as const, data: "enc" };
    const messages = [
      assistant(
        { type: "reasoning", text: "why", proof: own },
        text("so"),
        callOf("a"),
        callOf("b", { namespace: "agents" }),
        text("then"),
      ),
      user(resultOf("a", [text("shot"), png]), resultOf("b", [text("no file")], true), text("go on")),
    ];
    assert.deepEqual(inputOf(messages), [
      { type: "reasoning", summary: [{ type: "summary_text", text: "why" }], encrypted_content: "enc" },
      answered("so"),
      wireCall("a"),
      { ...(wireCall("b") as object), namespace: "agents" },
      answered("then"),
      output("a", [
        { type: "input_text", text: "shot" },
        { type: "input_image", image_url: "data:image/png;base64,aaaa", detail: "auto" },
      ]),
      output("b", "Error: no file"),
      said("user", "go on"),
    ]);
    assert.deepEqual(lossesOf({ messages }), ["toolResults.isError emulated"]);
  });

  test("a call without a result gets one after its turn, and a result without a call is omitted", () => {
    const messages = [assistant(callOf("a")), assistant(callOf("b", { kind: "custom" })), user(text("stop"), resultOf("lost"))];
    assert.deepEqual(inputOf(messages), [
      wireCall("a"),
      { type: "custom_tool_call", call_id: "b", name: "read", input: '{"path": 1.0}' },
      output("a", "aborted"),
      { type: "custom_tool_call_output", call_id: "b", output: "aborted" },
      said("user", "stop"),
    ]);
    assert.deepEqual(lossesOf({ messages }), ["toolCalls emulated", "toolResults dropped"]);
  });

  test("reasoning of other providers and signatures of calls are omitted, and refusals are kept", () => {
    const proof = { protocol: "anthropic-messages" as const, kind: "signature" as const, data: "c2ln" };
    const messages = [
      assistant({ type: "reasoning", text: "why", proof }, { type: "refusal", text: "no" }, callOf("a", { proof })),
      user(resultOf("a")),
    ];
    assert.deepEqual(inputOf(messages), [answered([{ type: "refusal", refusal: "no" }]), wireCall("a"), output("a", "done")]);
    assert.deepEqual(lossesOf({ messages }), ["thoughts dropped", "signature dropped"]);
  });

  test("each text of an assistant is a message, and an item of the client keeps its parts", () => {
    const annotations = [{ type: "url_citation", url: "https://x" }];
    const own = (fields: Wire): Pick<Message, "extensions"> => ({ extensions: { "openai-responses": fields } });
    const messages: Message[] = [
      assistant(text("a"), text("b"), { type: "refusal", text: "no" }, { type: "text", text: "cited", ...own({ annotations }) }),
      { ...assistant(text("c"), text("d")), id: "msg_1", ...own({ status: "completed" }) },
      { ...assistant(text("e")), ...own({ phase: "commentary" }) },
    ];
    const part = (value: string): Wire => ({ type: "output_text", text: value, annotations: [] });
    assert.deepEqual(inputOf(messages), [
      answered("a"),
      answered("b"),
      answered([{ type: "refusal", refusal: "no" }]),
      answered([{ ...part("cited"), annotations }]),
      { ...answered([part("c"), part("d")]), id: "msg_1", status: "completed" },
      { ...answered([part("e")]), phase: "commentary" },
    ]);
  });

  test("models from GPT-5.3 on get the phase of the assistant's messages", () => {
    const messages = [user(text("hi")), assistant(text("so"), callOf("a")), user(resultOf("a")), assistant(text("done"))];
    const phasesOn = (model: string): unknown =>
      (bodyOf({ messages }, { model })["input"] as Wire[]).filter(({ role }) => role === "assistant").map(({ phase }) => phase);
    for (const model of ["gpt-5.3-codex", "openai/gpt-5.4", "gpt-6"]) assert.deepEqual(phasesOn(model), ["commentary", "final_answer"]);
    for (const model of ["gpt-5.2", "gpt-4.1", "gpt-oss-20b"]) assert.deepEqual(phasesOn(model), [undefined, undefined]);
  });

  test("media of every kind", () => {
    const pdf = { type: "base64" as const, mediaType: "application/pdf", data: "cGRm" };
    const content: Block[] = [
      { type: "media", kind: "image", source: { type: "url", url: "https://x/y.png" }, detail: "low" },
      { type: "media", kind: "image", source: { type: "file", id: "file-1" } },
      { type: "media", kind: "document", source: pdf, filename: "a.pdf" },
      { type: "media", kind: "document", source: { type: "url", url: "https://x/y.pdf" } },
      { type: "media", kind: "document", source: { type: "file", id: "file-2" } },
      { type: "media", kind: "document", source: { type: "text", text: "plain" } },
      { type: "media", kind: "audio", source: { type: "base64", mediaType: "audio/wav", data: "d2F2" } },
      { type: "media", kind: "video", source: { type: "url", url: "https://x/y.mp4" } },
      { type: "opaque", protocol: "anthropic-messages", value: { type: "container_upload" } },
    ];
    assert.deepEqual(inputOf([user(...content)]), [
      {
        type: "message",
        role: "user",
        content: [
          { type: "input_image", image_url: "https://x/y.png", detail: "low" },
          { type: "input_image", file_id: "file-1", detail: "auto" },
          { type: "input_file", file_data: "data:application/pdf;base64,cGRm", filename: "a.pdf" },
          { type: "input_file", file_url: "https://x/y.pdf" },
          { type: "input_file", file_id: "file-2" },
          { type: "input_text", text: "plain" },
          { type: "input_audio", input_audio: { data: "d2F2", format: "wav" } },
          { type: "input_text", text: "[video: https://x/y.mp4]" },
        ],
      },
    ]);
    assert.deepEqual(lossesOf({ messages: [user(...content)] }), ["video emulated", "items[].container_upload dropped"]);
  });
});

describe("tools for a Responses upstream", () => {
  const patch: Tool = { type: "custom", name: "apply_patch", grammar: { syntax: "lark", definition: "start: x" } };
  const spawn: Tool = { type: "function", namespace: "agents", name: "spawn", parameters: { type: "object", properties: {} } };
  const read: Tool = { type: "function", name: "mcp.read", description: "Reads.", parameters: { properties: {} }, strict: true };

  test("are sent natively, and always with strict", () => {
    const { value, toolNames, losses } = renderRequest(
      request({ tools: [patch, spawn, read], toolChoice: { type: "named", name: "mcp.read" }, parallelToolCalls: false }),
      target(),
    );
    const body = JSON.parse(value) as Wire;
    const name = (body["tool_choice"] as { name: string }).name;
    assert.match(name, /^mcp_read$/);
    assert.deepEqual(body, {
      ...least,
      input: [said("user", "hi")],
      tools: [
        { type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "start: x" } },
        {
          type: "namespace",
          name: "agents",
          tools: [{ type: "function", name: "spawn", strict: false, parameters: { type: "object", properties: {} } }],
        },
        { type: "function", name, description: "Reads.", strict: false, parameters: { type: "object", properties: {} } },
      ],
      tool_choice: { type: "function", name },
      parallel_tool_calls: false,
    });
    assert.deepEqual([...(toolNames ?? [])], [[name, { name: "mcp.read", kind: "function" }]]);
    assert.deepEqual(
      losses.map(({ param, action }) => [param, action]),
      [["tools[].strict", "dropped"]],
    );
  });

  test("become functions on a server that only has functions, also in the history", () => {
    const messages = [
      assistant(callOf("a", { name: "apply_patch", kind: "custom", arguments: "x" }), callOf("b", { name: "spawn", namespace: "agents" })),
      user(resultOf("a"), resultOf("b")),
    ];
    const { value, toolNames } = renderRequest(request({ messages, tools: [patch, spawn] }), target({ quirks: { noCustomTools: true } }));
    const body = JSON.parse(value) as { tools: Wire[]; input: Wire[] };
    assert.deepEqual(
      body.tools.map(({ type, name }) => [type, name]),
      [
        ["function", "apply_patch"],
        ["function", "agents__spawn"],
      ],
    );
    assert.deepEqual(body.input, [
      { type: "function_call", call_id: "a", name: "apply_patch", arguments: '{"input":"x"}' },
      { type: "function_call", call_id: "b", name: "agents__spawn", arguments: '{"path": 1.0}' },
      output("a", "done"),
      output("b", "done"),
    ]);
    assert.deepEqual(
      [...(toolNames ?? [])],
      [
        ["apply_patch", { name: "apply_patch", kind: "custom" }],
        ["agents__spawn", { name: "spawn", namespace: "agents", kind: "function" }],
      ],
    );
  });

  test("another vendor's web search becomes this one's, its other tools are dropped", () => {
    const tools: Tool[] = [
      {
        type: "server",
        name: "web_search",
        protocol: "anthropic-messages",
        wire: { type: "web_search_20250305", name: "web_search", allowed_domains: ["x.org"] },
      },
      { type: "server", name: "urlContext", protocol: "gemini-generate", wire: { urlContext: {} } },
    ];
    const body = bodyOf({ tools, toolChoice: { type: "named", name: "web_search" } });
    assert.deepEqual([body["tools"], body["tool_choice"]], [[{ type: "web_search", filters: { allowed_domains: ["x.org"] } }], "required"]);
    assert.deepEqual(lossesOf({ tools }), ["tools[] emulated", "tools[] dropped"]);
  });

  test("without tools there is no choice, and a forced one is refused", () => {
    const server: Tool = { type: "server", name: "bash", protocol: "anthropic-messages", wire: { type: "bash_20250124" } };
    assert.deepEqual(bodyOf({ tools: [server], toolChoice: { type: "auto" }, parallelToolCalls: true }), {
      ...least,
      input: [said("user", "hi")],
    });
    assert.throws(() => bodyOf({ tools: [server], toolChoice: { type: "required" } }), { code: "invalid_request", param: "toolChoice" });
    assert.throws(() => bodyOf({ tools: [spawn], toolChoice: { type: "named", name: "gone" } }), {
      code: "invalid_request",
      param: "toolChoice",
    });
  });
});

describe("parameters for a Responses upstream", () => {
  const all: Partial<ChatRequest> = {
    maxOutputTokens: 1,
    temperature: 0.5,
    topP: 0.5,
    topK: 5,
    frequencyPenalty: 0.1,
    seed: 7,
    stop: ["a"],
    verbosity: "low",
    cacheKey: "k",
    endUser: "user-1",
    metadata: { team: "x" },
    reasoning: { effort: "xhigh", visibility: "summary" },
    responseFormat: { type: "json-schema", schema: { type: "object" }, strict: true },
    extensions: { "openai-chat": { store: true, logit_bias: { "1": 2 }, stream_options: { include_usage: true } } },
  };

  test("everything that the wire has a field for is rendered, and everything else is reported", () => {
    assert.deepEqual(bodyOf(all, { stream: true }), {
      ...least,
      stream: true,
      input: [said("user", "hi")],
      reasoning: { effort: "xhigh", summary: "auto" },
      text: { format: { type: "json_schema", name: "response", schema: { type: "object" }, strict: true }, verbosity: "low" },
      max_output_tokens: 16,
      temperature: 0.5,
      top_p: 0.5,
      prompt_cache_key: "k",
      safety_identifier: "user-1",
      metadata: { team: "x" },
      store: true,
    });
    assert.deepEqual(lossesOf(all), [
      "maxOutputTokens clamped",
      "request.logit_bias dropped",
      "topK dropped",
      "frequencyPenalty dropped",
      "seed dropped",
      "stop dropped",
    ]);
  });

  test("a model that reasons gets no sampling fields, and one that never does is not asked for reasoning", () => {
    assert.deepEqual(bodyOf({ temperature: 0, reasoning: { enabled: true, budgetTokens: 31_999 } }, { model: "gpt-5" }), {
      ...least,
      model: "gpt-5",
      input: [said("user", "hi")],
      reasoning: { effort: "high" },
    });
    assert.deepEqual(bodyOf({ temperature: 0, reasoning: { enabled: true, visibility: "summary" } }, { model: "gpt-4.1" }), {
      model: "gpt-4.1",
      input: [said("user", "hi")],
      temperature: 0,
      store: false,
    });
  });

  test("JSON without a schema is asked for in the input, even if the instructions do", () => {
    const messages: Message[] = [{ role: "system", content: [text("JSON!")] }, user(text("hi"))];
    assert.deepEqual(bodyOf({ responseFormat: { type: "json-object" }, messages }), {
      ...least,
      instructions: "JSON!",
      input: [said("developer", "Answer with JSON."), said("user", "hi")],
      text: { format: { type: "json_object" } },
    });
  });

  test("state and actions that only another provider has are refused", () => {
    for (const [protocol, field, value] of [
      ["anthropic-messages", "mcp_servers", [{ url: "https://x" }]],
      ["gemini-generate", "cachedContent", "cachedContents/1"],
    ] as const) {
      assert.throws(() => bodyOf({ extensions: { [protocol]: { [field]: value } } }), { code: "invalid_request", param: field });
    }
  });
});
