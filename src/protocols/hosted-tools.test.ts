import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../ir/index.ts";
import { protocols, type RouteCall } from "./index.ts";
import { bodyOf, lossesOf } from "./testing.ts";
import type { Rendered } from "./translation.ts";

const place = { type: "approximate", city: "Bern" };
const claudeSearch = { type: "web_search_20250305", name: "web_search", max_uses: 8, allowed_domains: ["a.ch"], user_location: place };
const look = { name: "look", input_schema: { type: "object" } };
const messages = [{ role: "user", content: "hi" }];

/** What a request becomes at an upstream: its tools, its choice, and its losses. */
function sent(dialect: ProtocolId, upstream: ProtocolId, body: object, model: string): readonly unknown[] {
  const rendered = render(dialect, upstream, body, model);
  const { tools, tool_choice, toolConfig, web_search_options } = bodyOf(rendered);
  return [tools, tool_choice ?? toolConfig ?? web_search_options, lossesOf(rendered)];
}

function render(dialect: ProtocolId, upstream: ProtocolId, body: object, model: string): Rendered<string> {
  const protocol = protocols.get(dialect)!;
  const route = protocol.routes.find(({ operation }) => operation === "generate")!;
  const call: RouteCall = { route, param: "m", query: "" };
  const parsed = protocol.parseRequest({ model: "m", ...body }, call);
  const request = protocol.toForeign?.(parsed, { openSummary: () => undefined }) ?? parsed;
  return protocols.get(upstream)!.upstream.renderRequest(request, { model, stream: false, quirks: {} });
}

test("a search that a request forces is the vendor's own, forced where it can be (report 703)", () => {
  const body = { max_tokens: 99, messages, tools: [claudeSearch], tool_choice: { type: "tool", name: "web_search" } };
  assert.deepEqual(sent("anthropic-messages", "gemini-generate", body, "gemini-3-flash"), [
    [{ googleSearch: {} }],
    undefined,
    [
      "dropped toolChoice",
      "emulated tools[]",
      "dropped tools[].allowed_domains",
      "dropped tools[].user_location",
      "dropped tools[].max_uses",
    ],
  ]);
  const search = { type: "web_search", filters: { allowed_domains: ["a.ch"] }, user_location: place };
  assert.deepEqual(sent("anthropic-messages", "openai-responses", body, "gpt-5.1"), [
    [search],
    "required",
    ["emulated tools[]", "dropped tools[].max_uses"],
  ]);
  assert.deepEqual(sent("anthropic-messages", "openai-chat", body, "gpt-4o-search-preview"), [
    undefined,
    { user_location: { type: "approximate", approximate: { city: "Bern" } } },
    ["emulated tools[]", "dropped tools[].allowed_domains", "dropped tools[].max_uses"],
  ]);
  assert.throws(() => sent("anthropic-messages", "openai-chat", body, "gpt-5.1"), { code: "invalid_request", param: "toolChoice" });
});

test("a forced search is alone at Gemini, which accepts no function beside it; a search that is not forced gives way to functions", () => {
  const body = { max_tokens: 99, messages, tools: [look, claudeSearch] };
  const forced = { ...body, tool_choice: { type: "tool", name: "web_search" } };
  assert.deepEqual(sent("anthropic-messages", "gemini-generate", forced, "gemini-3-flash")[0], [{ googleSearch: {} }]);
  const [tools, config] = sent("anthropic-messages", "gemini-generate", { ...body, tool_choice: { type: "any" } }, "gemini-3-flash");
  assert.deepEqual([tools, config], [[{ functionDeclarations: [{ name: "look" }] }], { functionCallingConfig: { mode: "ANY" } }]);
});

test("a choice of the vendor's own tools alone is left out at Gemini", () => {
  const body = { max_tokens: 99, messages, tools: [{ type: "web_search_20250305", name: "web_search" }], tool_choice: { type: "any" } };
  assert.deepEqual(sent("anthropic-messages", "gemini-generate", body, "gemini-3-flash"), [
    [{ googleSearch: {} }],
    undefined,
    ["emulated tools[]", "dropped toolChoice"],
  ]);
});

test("Gemini gets its search without a choice only if the client allows it", () => {
  const body = { max_tokens: 99, messages, tools: [look, { type: "web_search_20250305", name: "web_search" }] };
  const none = sent("anthropic-messages", "gemini-generate", { ...body, tool_choice: { type: "none" } }, "gemini-3-flash");
  assert.deepEqual(none, [[{ functionDeclarations: [{ name: "look" }] }], { functionCallingConfig: { mode: "NONE" } }, []]);
  const tools = [{ type: "web_search" }, { type: "function", name: "look", parameters: {} }];
  const choice = { type: "allowed_tools", mode: "required", tools: [{ type: "web_search" }] };
  const allowed = sent("openai-responses", "gemini-generate", { input: "hi", tools, tool_choice: choice }, "gemini-3-flash");
  assert.deepEqual(allowed.slice(0, 2), [[{ googleSearch: {} }], undefined]);
});

test("OpenAI's and Google's searches are Claude's, once, and a choice calls it by its name", () => {
  const body = {
    input: "hi",
    tools: [{ type: "web_search_preview" }, { type: "web_search" }],
    tool_choice: { type: "web_search_preview" },
  };
  assert.deepEqual(sent("openai-responses", "anthropic-messages", body, "claude-sonnet-4-5"), [
    [{ type: "web_search_20250305", name: "web_search" }],
    { type: "tool", name: "web_search" },
    ["emulated tools[]"],
  ]);
  const contents = [{ parts: [{ text: "hi" }] }];
  const [tools] = sent(
    "gemini-generate",
    "anthropic-messages",
    { contents, tools: [{ google_search: {}, url_context: {} }] },
    "claude-sonnet-4-5",
  );
  assert.deepEqual(tools, [
    { type: "web_search_20250305", name: "web_search" },
    { type: "web_fetch_20250910", name: "web_fetch" },
  ]);
});

test("web_search_options of Chat is a search", () => {
  const options = { search_context_size: "high", user_location: { type: "approximate", approximate: { city: "Bern" } } };
  assert.deepEqual(sent("openai-chat", "openai-responses", { messages, web_search_options: options }, "gpt-5.1"), [
    [{ type: "web_search", user_location: place, search_context_size: "high" }],
    undefined,
    ["emulated tools[]"],
  ]);
  assert.deepEqual(sent("openai-chat", "anthropic-messages", { messages, web_search_options: options }, "claude-sonnet-4-5"), [
    [{ type: "web_search_20250305", name: "web_search", user_location: place }],
    undefined,
    ["emulated tools[]", "dropped tools[].search_context_size"],
  ]);
});

test("settings that a vendor refuses beside its own tools are changed", () => {
  const search = { type: "web_search_20250305", name: "web_search" };
  const format = { type: "json_schema", schema: { type: "object", properties: {}, additionalProperties: false } };
  const body = { max_tokens: 99, messages, tools: [search], thinking: { type: "disabled" }, output_config: { format } };
  const rendered = render("anthropic-messages", "openai-responses", body, "gpt-5");
  assert.deepEqual(bodyOf(rendered)["reasoning"], { effort: "low" });
  assert.ok(lossesOf(rendered).includes("clamped reasoning.effort"));
  const { generationConfig, systemInstruction } = bodyOf(render("anthropic-messages", "gemini-generate", body, "gemini-2.5-flash"));
  assert.equal(JSON.stringify(generationConfig).includes("responseMimeType"), false);
  assert.match(JSON.stringify(systemInstruction), /JSON Schema/);
});
