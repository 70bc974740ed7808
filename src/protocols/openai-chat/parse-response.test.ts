import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Wire } from "../openai-shared/testing.ts";
import { parseResponse } from "./parse-response.ts";
import { markReasoning } from "./returned-reasoning.ts";

const answer = (message: Wire, finish: string | null = "stop", rest: Wire = {}): string =>
  JSON.stringify({ id: "chatcmpl-1", created: 7, model: "m", choices: [{ index: 0, message, finish_reason: finish }], ...rest });
const base = { id: "1", model: "m", createdAt: 7, usage: {} };

describe("a completion of a Chat upstream", () => {
  test("is parsed as recorded", () => {
    assert.deepEqual(parseResponse(readFileSync(new URL("fixtures/answer.json", import.meta.url), "utf8")), {
      id: "9edc58501d4755567022ed3c",
      model: "gpt-mock",
      createdAt: 1795443310,
      content: [{ type: "text", text: '{"a":"mock","n":1}' }],
      stopReason: "stop",
      rawStopReason: "stop",
      usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
      extensions: { "openai-chat": { service_tier: "default", system_fingerprint: "fp_mock" } },
    });
  });

  test("has everything that a message can contain", () => {
    const message = {
      reasoning: "why",
      content: "text",
      refusal: "no",
      tool_calls: [
        { id: "a", type: "function", function: { name: "read", arguments: '{"n": 1.0}' } },
        { id: "b", type: "custom", custom: { name: "patch", input: "free" } },
        { id: "c", type: "function", function: { name: "x", arguments: { already: "parsed" } } },
      ],
      images: [{ type: "image_url", image_url: { url: "https://x/y.png" } }],
    };
    assert.deepEqual(parseResponse(answer(message, "tool_calls")), {
      ...base,
      content: [
        { type: "reasoning", text: "why", proof: markReasoning("reasoning", []) },
        { type: "text", text: "text" },
        { type: "refusal", text: "no" },
        { type: "tool-call", id: "a", name: "read", kind: "function", arguments: '{"n": 1.0}' },
        { type: "tool-call", id: "b", name: "patch", kind: "custom", arguments: "free" },
        { type: "tool-call", id: "c", name: "x", kind: "function", arguments: '{"already":"parsed"}' },
        { type: "media", kind: "image", source: { type: "url", url: "https://x/y.png" } },
      ],
      stopReason: "tool-calls",
      rawStopReason: "tool_calls",
    });
  });

  test("has content in parts, with thinking among them", () => {
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "why" }] },
      { type: "text", text: "so" },
    ];
    assert.deepEqual(parseResponse(answer({ content })).content, [
      { type: "reasoning", text: "why", proof: markReasoning("thinking", []) },
      { type: "text", text: "so" },
    ]);
  });

  test("keeps entries of the reasoning unchanged, and reads them if the reasoning is nowhere else", () => {
    const entries = [
      { type: "reasoning.summary", summary: "Look it up.", id: null, format: "openai-responses-v1", index: 0 },
      { type: "reasoning.encrypted", data: "gAAA", id: "call_1", format: "google-gemini-v1", index: 1 },
    ];
    assert.deepEqual(parseResponse(answer({ content: "so", reasoning_details: entries })).content, [
      { type: "reasoning", text: "Look it up.", proof: markReasoning(undefined, entries) },
      { type: "text", text: "so" },
    ]);
    assert.deepEqual(parseResponse(answer({ content: "so", reasoning_details: entries.slice(1) })).content[0], {
      type: "reasoning",
      text: "",
      proof: markReasoning(undefined, entries.slice(1)),
    });
  });

  test("has the stop reason for every vendor's word", () => {
    const call = { tool_calls: [{ id: "a", function: { name: "x", arguments: "{}" } }] };
    const rows: readonly (readonly [Wire, string | null, string])[] = [
      [{ content: "a" }, "stop", "stop"],
      [call, "stop", "tool-calls"],
      [call, null, "tool-calls"],
      [call, "length", "length"],
      [{ refusal: "no" }, "stop", "refusal"],
      [{ content: "a" }, "model_length", "length"],
      [{ content: "" }, "content_filter", "content-filter"],
      [{ content: "a" }, "content_filter: RECITATION", "content-filter"],
      [{ content: "a" }, "sensitive", "content-filter"],
      [{ content: "a" }, "model_context_window_exceeded", "context-window"],
      [{ content: "a" }, "brand_new", "other"],
      [{ content: "a" }, null, "other"],
    ];
    for (const [message, word, reason] of rows) assert.equal(parseResponse(answer(message, word)).stopReason, reason, `${word}`);
  });

  test("has tool names and free text as the client has them", () => {
    const message = {
      tool_calls: [
        { id: "a", function: { name: "ns__x", arguments: "{}" } },
        { id: "b", function: { name: "patch", arguments: '{"input":"free"}' } },
        { id: "c", function: { name: "patch", arguments: "bare" } },
      ],
    };
    const names = new Map([
      ["ns__x", { name: "x", namespace: "ns", kind: "function" as const }],
      ["patch", { name: "patch", kind: "custom" as const }],
    ]);
    assert.deepEqual(parseResponse(answer(message), names).content, [
      { type: "tool-call", id: "a", name: "x", namespace: "ns", kind: "function", arguments: "{}" },
      { type: "tool-call", id: "b", name: "patch", kind: "custom", arguments: "free" },
      { type: "tool-call", id: "c", name: "patch", kind: "custom", arguments: "bare" },
    ]);
  });

  test("is an error if the body is not a completion: the upstream's own error if it sent one", () => {
    assert.throws(() => parseResponse("<html>"), { code: "upstream_invalid_response" });
    assert.throws(() => parseResponse('{"choices":[]}'), { code: "upstream_invalid_response" });
    assert.throws(() => parseResponse(answer({ tool_calls: [{ id: "a" }] })), {
      upstream: { status: 502, message: "The provider sent a tool call without a name.", code: "upstream_invalid_response" },
    });
    const upstream = { status: 429, message: "full", code: "429" };
    for (const body of [
      '{"error":{"message":"full","code":429}}',
      '{"error":{"message":"full","code":429},"choices":[{"index":0,"message":{"content":""}}]}',
      '{"choices":[{"index":0,"message":{"content":"half"},"finish_reason":"error","error":{"message":"full","code":429}}]}',
    ])
      assert.throws(() => parseResponse(body), { upstream }, body);
    const silent = { upstream: { status: 502, message: "The provider ended its answer with an error." } };
    assert.throws(() => parseResponse('{"choices":[{"message":{"content":"half"},"finish_reason":"error"}]}'), silent);
    assert.throws(() => parseResponse('{"choices":[{"message":{"content":"half","error":{"message":"full","code":429}}}]}'), { upstream });
  });

  test("an answer that broke off is an error, whatever the server's word for it; what it used is known", () => {
    const usage = { prompt_tokens: 7, completion_tokens: 3 };
    for (const word of ["insufficient_system_resource", "abort", "network_error", "function_call_filter: MALFORMED_FUNCTION_CALL"]) {
      const body = JSON.stringify({ id: "x", model: "m", choices: [{ message: { content: "half" }, finish_reason: word }], usage });
      assert.throws(() => parseResponse(body), {
        upstream: { status: 502, message: `The provider ended its answer with ${word}.`, code: word },
        facts: { id: "x", model: "m", usage: { input: 7, output: 3 } },
      });
    }
  });
});
