import assert from "node:assert/strict";
import { test } from "node:test";
import type { Extensions } from "../../ir/index.ts";
import { Losses, nameOfOpaque, refuseForeignState, refuseSeveralAnswers, refuseSeveralStreams } from "./losses.ts";

const request = (extensions: Extensions): Parameters<typeof refuseForeignState>[0] => ({
  model: "m",
  stream: false,
  messages: [],
  extensions,
});

test("the same field is reported once for each action", () => {
  const losses = new Losses();
  losses.drop("stop", "One.");
  losses.drop("stop", "Two.");
  losses.clamp("stop", "Three.");
  assert.deepEqual(losses.list, [
    { param: "stop", action: "dropped", reason: "One." },
    { param: "stop", action: "clamped", reason: "Three." },
  ]);
});

test("fields of another protocol are reported, except those that are empty, echoed or served by the gateway", () => {
  const losses = new Losses();
  const fields = {
    container: "c",
    empty: {},
    none: null,
    off: false,
    thinking: { novel: 1 },
    output_config: {},
  };
  losses.dropForeign({ "anthropic-messages": fields, "gemini-generate": { own: 1 } }, "gemini-generate", "request");
  losses.dropForeign({ "openai-chat": { store: true, logit_bias: { 1: 2 } } }, "openai-responses", "request", new Set(["store"]));
  // At another vendor, the same name has another meaning.
  losses.dropForeign({ "anthropic-messages": { store: true } }, "openai-responses", "request", new Set(["store"]));
  losses.dropForeign({ "openai-chat": { annotations: [1], odd: 1 } }, "gemini-generate", "messages[]");
  losses.dropForeign(
    { "openai-responses": { include: ["reasoning.encrypted_content"], stream_options: { a: 1 } } },
    "openai-chat",
    "request",
  );
  assert.deepEqual(
    losses.list.map(({ param, action }) => `${action} ${param}`),
    [
      "dropped request.container",
      "dropped request.thinking.novel",
      "dropped request.logit_bias",
      "dropped request.store",
      "dropped messages[].odd",
    ],
  );
});

test("a request that needs another provider's state, or a form of answer that only it has, is refused", () => {
  const refused = [
    [request({ "openai-responses": { conversation: "c" } }), "conversation"],
    [request({ "anthropic-messages": { mcp_servers: [{}] } }), "mcp_servers"],
    [request({ "gemini-generate": { cachedContent: "c" } }), "cachedContent"],
    [request({ "openai-responses": { text: { format: { type: "grammar" } } } }), "responseFormat"],
  ] as const;
  for (const [each, param] of refused) assert.throws(() => refuseForeignState(each, "openai-chat"), { code: "invalid_request", param });
  refuseForeignState(request({ "openai-responses": { conversation: "c" } }), "openai-responses");
  refuseForeignState(request({ "openai-responses": { conversation: null }, "anthropic-messages": { mcp_servers: [] } }), "openai-chat");
});

test("several answers are refused if the provider gives one; one answer is not", () => {
  const several = { model: "m", stream: false, messages: [], candidateCount: 2 };
  assert.throws(() => refuseSeveralAnswers(several), { param: "candidateCount" });
  assert.throws(() => refuseSeveralStreams(several, { stream: true }), { param: "candidateCount" });
  refuseSeveralAnswers({ ...several, candidateCount: 1 });
  refuseSeveralStreams(several, { stream: false });
});

test("an opaque value is named by its type, or by its only key", () => {
  assert.deepEqual([{ type: "web_search_call" }, { executableCode: {} }, {}, "x"].map(nameOfOpaque), [
    "web_search_call",
    "executableCode",
    "item",
    "item",
  ]);
});
