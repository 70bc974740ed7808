import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Wire } from "../openai-shared/testing.ts";
import { parseResponse } from "./parse-response.ts";

const answer = (output: readonly Wire[], rest: Wire = {}): string =>
  JSON.stringify({ id: "resp_1", created_at: 7, model: "m", status: "completed", error: null, incomplete_details: null, output, ...rest });
const base = { id: "1", model: "m", createdAt: 7, usage: {} };
const message = (...content: Wire[]): Wire => ({ type: "message", id: "msg_1", role: "assistant", content });

describe("a response of a Responses upstream", () => {
  test("is parsed as recorded", () => {
    const wire = JSON.parse(readFileSync(new URL("fixtures/answer.json", import.meta.url), "utf8")) as { id: string; usage: Wire };
    const parsed = parseResponse(JSON.stringify(wire));
    assert.equal(`resp_${parsed.id}`, wire.id);
    assert.deepEqual([parsed.usage.input, parsed.usage.output], [wire.usage["input_tokens"], wire.usage["output_tokens"]]);
    assert.deepEqual(
      parsed.content.map(({ type }) => type),
      ["text"],
    );
    assert.equal(parsed.stopReason, "stop");
  });

  test("has every kind of item", () => {
    const search = { type: "web_search_call", id: "ws_1", status: "completed" };
    const parsed = parseResponse(
      answer([
        {
          type: "reasoning",
          id: "rs_1",
          summary: [
            { type: "summary_text", text: "a" },
            { type: "summary_text", text: "b" },
          ],
          encrypted_content: "enc",
        },
        {
          type: "reasoning",
          id: "rs_2",
          summary: [{ type: "summary_text", text: "s" }],
          content: [{ type: "reasoning_text", text: "all" }],
        },
        search,
        message({ type: "output_text", text: "x" }, { type: "refusal", refusal: "no" }, { type: "output_audio", data: "" }),
        { type: "function_call", id: "fc_1", call_id: "a", name: "read", namespace: "ns", arguments: '{"n": 1.0}' },
        { type: "custom_tool_call", id: "ctc_1", call_id: "b", name: "patch", input: "free" },
      ]),
    );
    assert.deepEqual(parsed, {
      ...base,
      content: [
        { type: "reasoning", id: "rs_1", text: "a\n\nb", proof: { protocol: "openai-responses", kind: "encrypted", data: "enc" } },
        { type: "reasoning", id: "rs_2", text: "all" },
        { type: "opaque", protocol: "openai-responses", value: search },
        { type: "text", text: "x" },
        { type: "refusal", text: "no" },
        { type: "tool-call", id: "a", name: "read", namespace: "ns", kind: "function", itemId: "fc_1", arguments: '{"n": 1.0}' },
        { type: "tool-call", id: "b", name: "patch", kind: "custom", itemId: "ctc_1", arguments: "free" },
      ],
      stopReason: "tool-calls",
      rawStopReason: "completed",
      usage: { units: { web_search: 1 } },
    });
  });

  test("has the reason for its end", () => {
    const text = message({ type: "output_text", text: "x" });
    const incomplete = (reason: string): Wire => ({ status: "incomplete", incomplete_details: { reason } });
    for (const [output, rest, reason, raw] of [
      [[text], {}, "stop", "completed"],
      [[message({ type: "refusal", refusal: "no" })], {}, "refusal", "completed"],
      [[text], incomplete("max_output_tokens"), "length", "max_output_tokens"],
      [[text], incomplete("content_filter"), "content-filter", "content_filter"],
      [[text], incomplete("new_reason"), "other", "new_reason"],
      [[], { status: "queued" }, "other", "queued"],
    ] as const) {
      const { stopReason, rawStopReason } = parseResponse(answer(output, rest));
      assert.deepEqual([stopReason, rawStopReason], [reason, raw]);
    }
  });

  test("has tool names and free text as the client has them", () => {
    const names = new Map([
      ["ns__x", { name: "x", namespace: "ns", kind: "function" as const }],
      ["patch", { name: "patch", kind: "custom" as const }],
    ]);
    const output = [
      { type: "function_call", call_id: "a", name: "ns__x", arguments: "{}" },
      { type: "function_call", call_id: "b", name: "patch", arguments: '{"input":"free"}' },
    ];
    assert.deepEqual(parseResponse(answer(output), names).content, [
      { type: "tool-call", id: "a", name: "x", namespace: "ns", kind: "function", arguments: "{}" },
      { type: "tool-call", id: "b", name: "patch", kind: "custom", arguments: "free" },
    ]);
  });

  test("is an error if the body is not an answer: the upstream's own error if it sent one", () => {
    assert.throws(() => parseResponse("<html>"), { code: "upstream_invalid_response" });
    assert.throws(() => parseResponse("{}"), { code: "upstream_invalid_response" });
    assert.throws(() => parseResponse(answer([], { status: "failed", error: { code: "rate_limit_exceeded", message: "slow down" } })), {
      upstream: { status: 429, code: "rate_limit_exceeded", message: "slow down" },
    });
    assert.throws(() => parseResponse('{"error":"out of order"}'), { upstream: { status: 500, message: "out of order" } });
  });
});
