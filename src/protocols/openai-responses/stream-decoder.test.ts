import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { collect, type Block, type StreamEvent } from "../../ir/index.ts";
import { decode, type Wire } from "../openai-shared/testing.ts";
import { madeCallId } from "../shared/tool-names.ts";
import type { ToolNames } from "../translation.ts";
import { parseResponse } from "./parse-response.ts";
import { ResponsesStreamDecoder } from "./stream-decoder.ts";

const event = (type: string, fields: Wire = {}): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const created = event("response.created", { response: { id: "resp_1", model: "m", created_at: 7, status: "in_progress", output: [] } });
const completed = (fields: Wire = {}): string =>
  event("response.completed", { response: { id: "resp_1", model: "m", created_at: 7, status: "completed", output: [], ...fields } });
const added = (output: number, item: Wire): string => event("response.output_item.added", { output_index: output, item });
const done = (output: number, item: Wire): string => event("response.output_item.done", { output_index: output, item });
const delta = (type: string, output: number, text: string, fields: Wire = {}): string =>
  event(`response.${type}.delta`, { output_index: output, delta: text, ...fields });
const read = (stream: string, toolNames?: ToolNames): StreamEvent[] => decode(new ResponsesStreamDecoder(toolNames), stream);

const start: StreamEvent = { type: "message-start", id: "1", model: "m", createdAt: 7 };
const open = (index: number, type: "text" | "refusal"): StreamEvent => ({ type: "block-start", index, block: { type } });
const text = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "text", text: value } });
const args = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "arguments", text: value } });
const close = (index: number): StreamEvent => ({ type: "block-end", index });
const ends = (stopReason: "stop" | "tool-calls" | "length" | "refusal", rawStopReason = "completed", usage?: object): StreamEvent[] => [
  { type: "message-delta", stopReason, rawStopReason, ...(usage === undefined ? {} : { usage }) },
  { type: "message-end" },
];
const failed = (message: string, code: string, status = 502): StreamEvent[] => [{ type: "error", error: { status, message, code } }];

describe("a Responses stream", () => {
  test("is decoded as recorded", () => {
    const answer = collect(read(readFileSync(new URL("fixtures/stream.txt", import.meta.url), "latin1")));
    assert.notEqual(answer.content.length, 0);
    assert.notEqual(answer.stopReason, "other");
    assert.notEqual(answer.usage.input, undefined);
  });

  test("has reasoning, a text, a refusal and calls of both kinds", () => {
    const reasoning = { type: "reasoning", id: "rs_1", summary: [] };
    const call = { type: "function_call", id: "fc_1", call_id: "a", name: "read", namespace: "ns", arguments: "" };
    const custom = { type: "custom_tool_call", id: "ctc_1", call_id: "b", name: "patch", input: "" };
    const summary = [
      { type: "summary_text", text: "one" },
      { type: "summary_text", text: "two" },
    ];
    const stream =
      created +
      added(0, reasoning) +
      delta("reasoning_summary_text", 0, "one", { summary_index: 0 }) +
      delta("reasoning_summary_text", 0, "two", { summary_index: 1 }) +
      done(0, { ...reasoning, summary, encrypted_content: "enc" }) +
      added(1, { type: "message", content: [] }) +
      event("response.content_part.added", { output_index: 1, content_index: 0, part: { type: "output_text", text: "" } }) +
      delta("output_text", 1, "so", { content_index: 0 }) +
      event("response.content_part.done", { output_index: 1, content_index: 0, part: { type: "output_text", text: "so" } }) +
      delta("refusal", 1, "no", { content_index: 1 }) +
      done(1, {
        type: "message",
        content: [
          { type: "output_text", text: "so" },
          { type: "refusal", refusal: "no" },
        ],
      }) +
      added(2, call) +
      added(3, custom) +
      delta("function_call_arguments", 2, '{"n":') +
      delta("custom_tool_call_input", 3, "fr") +
      delta("function_call_arguments", 2, " 1.0}") +
      done(2, { ...call, arguments: '{"n": 1.0}' }) +
      done(3, { ...custom, input: "free" }) +
      completed({
        usage: {
          input_tokens: 5,
          output_tokens: 3,
          input_tokens_details: { cached_tokens: 2 },
          output_tokens_details: { reasoning_tokens: 1 },
        },
      });
    assert.deepEqual(read(stream), [
      start,
      { type: "block-start", index: 0, block: { type: "reasoning", id: "rs_1" } },
      text(0, "one"),
      text(0, "\n\ntwo"),
      { type: "block-delta", index: 0, delta: { type: "proof", proof: { protocol: "openai-responses", kind: "encrypted", data: "enc" } } },
      close(0),
      open(1, "text"),
      text(1, "so"),
      close(1),
      open(2, "refusal"),
      text(2, "no"),
      close(2),
      {
        type: "block-start",
        index: 3,
        block: { type: "tool-call", id: "a", name: "read", namespace: "ns", kind: "function", itemId: "fc_1" },
      },
      { type: "block-start", index: 4, block: { type: "tool-call", id: "b", name: "patch", kind: "custom", itemId: "ctc_1" } },
      args(3, '{"n":'),
      args(4, "fr"),
      args(3, " 1.0}"),
      close(3),
      args(4, "ee"),
      close(4),
      ...ends("tool-calls", "completed", { input: 5, output: 3, cacheRead: 2, reasoning: 1 }),
    ]);
  });

  test("deltas whose item never began, and items that were never streamed, are emitted too", () => {
    const late =
      delta("output_text", 0, "a") + completed({ output: [{ type: "message", content: [{ type: "output_text", text: "ab" }] }] });
    assert.deepEqual(read(created + late), [start, open(0, "text"), text(0, "a"), text(0, "b"), close(0), ...ends("stop")]);
    const refusal = { type: "message", content: [{ type: "refusal", refusal: "no" }] };
    assert.deepEqual(read(completed({ output: [refusal] })), [start, open(0, "refusal"), text(0, "no"), close(0), ...ends("refusal")]);
    assert.deepEqual(read(created + delta("function_call_arguments", 0, "{}") + completed()), [start, ...ends("stop")]);
    assert.deepEqual(read(created + added(0, { type: "message" }) + delta("output_text", 0, "a") + completed()), [
      start,
      open(0, "text"),
      text(0, "a"),
      close(0),
      ...ends("stop"),
    ]);
  });

  test("reasoning that is streamed itself is not repeated by its summary, and its encrypted content is the proof", () => {
    const item = { type: "reasoning", id: "rs_1", summary: [] };
    const stream =
      created +
      added(0, item) +
      delta("reasoning_text", 0, "al") +
      delta("reasoning_summary_text", 0, "short") +
      delta("reasoning_text", 0, "l") +
      done(0, { ...item, content: [{ type: "reasoning_text", text: "all" }] }) +
      done(1, { ...item, encrypted_content: "gAAA" }) +
      completed();
    assert.deepEqual(collect(read(stream)).content, [
      { type: "reasoning", id: "rs_1", text: "all" },
      { type: "reasoning", id: "rs_1", text: "", proof: { protocol: "openai-responses", kind: "encrypted", data: "gAAA" } },
    ]);
  });

  test("an answer that only the ends of its parts tell, without deltas and without items (report 109)", () => {
    const part = (type: string, output: number, fields: Wire): string =>
      event(`response.${type}.done`, { output_index: output, item_id: `i${output}`, ...fields });
    const stream =
      created +
      part("reasoning_summary_text", 0, { summary_index: 0, text: "one" }) +
      part("reasoning_summary_text", 0, { summary_index: 1, text: "two" }) +
      part("output_text", 1, { content_index: 0, text: "so" }) +
      part("refusal", 1, { content_index: 1, refusal: "no" }) +
      added(2, { type: "function_call", id: "i2", call_id: "a", name: "read", arguments: "" }) +
      part("function_call_arguments", 2, { arguments: '{"x":1}' }) +
      part("function_call_arguments", 3, { arguments: '{"x":2}', name: "read" }) +
      part("custom_tool_call_input", 4, { input: "free", name: "patch", call_id: "c" });
    assert.deepEqual(collect(read(stream + completed())).content, [
      { type: "reasoning", id: "i0", text: "one\n\ntwo" },
      { type: "text", text: "so" },
      { type: "refusal", text: "no" },
      { type: "tool-call", id: "a", itemId: "i2", name: "read", kind: "function", arguments: '{"x":1}' },
      { type: "tool-call", id: madeCallId("1 3"), itemId: "i3", name: "read", kind: "function", arguments: '{"x":2}' },
      { type: "tool-call", id: "c", itemId: "i4", name: "patch", kind: "custom", arguments: "free" },
    ]);
    const item = { type: "function_call", id: "i0", call_id: "a", name: "read", arguments: "" };
    const told =
      added(0, item) + delta("function_call_arguments", 0, "{}") + part("function_call_arguments", 0, { arguments: "{}" }) + done(0, item);
    assert.deepEqual(read(created + told + completed()), [
      start,
      { type: "block-start", index: 0, block: { type: "tool-call", id: "a", itemId: "i0", name: "read", kind: "function" } },
      args(0, "{}"),
      close(0),
      ...ends("tool-calls"),
    ]);
  });

  test("items that share an index, or have none, are separated by their ids", () => {
    const item = (id: string): Wire => ({ type: "function_call", id, call_id: `c${id}`, name: "read", arguments: "" });
    const whole = (id: string): Wire => ({ ...item(id), arguments: `{"n":"${id}"}` });
    const block = (id: string): Block => ({
      type: "tool-call",
      id: `c${id}`,
      itemId: id,
      name: "read",
      kind: "function",
      arguments: `{"n":"${id}"}`,
    });
    const expected = [block("a"), block("b")];
    const piece = (fields: Wire, id: string): string =>
      event("response.function_call_arguments.delta", { ...fields, item_id: id, delta: `{"n":"${id}"}` });
    for (const place of [{ output_index: 0 }, {}]) {
      const begin = (id: string): string => event("response.output_item.added", { ...place, item: item(id) });
      const end = (id: string): string => event("response.output_item.done", { ...place, item: whole(id) });
      const streams = [
        begin("a") + piece(place, "a") + begin("b") + piece(place, "b"),
        begin("a") + begin("b") + piece(place, "b") + piece(place, "a") + end("a") + end("b"),
        end("a") + end("b"),
      ];
      for (const stream of streams) {
        assert.deepEqual(collect(read(created + stream + completed())).content, expected);
        assert.deepEqual(collect(read(created + stream + completed({ output: [whole("a"), whole("b")] }))).content, expected);
      }
    }
  });

  test("calls without a name, or with the arguments of several, are an error, streamed and whole", () => {
    const usage = { input_tokens: 5, output_tokens: 3 };
    for (const [item, message] of [
      [
        { type: "function_call", call_id: "a", name: "read", arguments: '{"x":1}{"x":2}' },
        "The provider sent the arguments of several tool calls as those of one.",
      ],
      [{ type: "function_call", call_id: "a", arguments: "{}" }, "The provider sent a tool call without a name."],
    ] as const) {
      const error = { status: 502, message, code: "upstream_invalid_response" };
      const end = { usage: { input: 5, output: 3 }, rawStopReason: "completed" };
      assert.deepEqual(read(created + done(0, item) + completed({ usage })).at(-1), { type: "error", error, end });
      const json = JSON.stringify({ id: "resp_1", model: "m", status: "completed", output: [item], usage });
      assert.throws(() => parseResponse(json), { upstream: error, facts: { id: "1", model: "m", usage: { input: 5, output: 3 } } });
    }
  });

  test("the client's own tools come back under their names, and free text out of its wrapping", () => {
    const names: ToolNames = new Map([["patch", { name: "patch", namespace: "functions", kind: "custom" }]]);
    const item = { type: "function_call", call_id: "a", name: "patch", arguments: "" };
    const stream =
      created + added(0, item) + delta("function_call_arguments", 0, '{"input":"x\\n') + delta("function_call_arguments", 0, '"}');
    const expected = [
      start,
      { type: "block-start", index: 0, block: { type: "tool-call", id: "a", name: "patch", namespace: "functions", kind: "custom" } },
      args(0, "x\n"),
      close(0),
      ...ends("tool-calls"),
    ];
    assert.deepEqual(read(stream + done(0, { ...item, arguments: '{"input":"x\\n"}' }) + completed(), names), expected);
    assert.deepEqual(read(stream + completed(), names), expected);
  });

  test("an incomplete answer has its reason", () => {
    const incomplete = event("response.incomplete", {
      response: {
        id: "resp_1",
        model: "m",
        created_at: 7,
        status: "incomplete",
        incomplete_details: { reason: "max_output_tokens" },
        output: [],
      },
    });
    assert.deepEqual(read(created + delta("output_text", 0, "a") + incomplete).slice(3), [
      close(0),
      ...ends("length", "max_output_tokens"),
    ]);
  });

  test("a failure, an error and a stream that ends early are errors, and nothing follows", () => {
    const failure = event("response.failed", {
      response: { status: "failed", error: { code: "rate_limit_exceeded", message: "slow down" } },
    });
    assert.deepEqual(read(created + failure + completed()), [start, ...failed("slow down", "rate_limit_exceeded", 429)]);
    const error = event("error", { code: "server_error", message: "oops", param: null, sequence_number: 1 });
    assert.deepEqual(read(created + error + completed()), [start, ...failed("oops", "server_error", 500)]);
    assert.deepEqual(read('data: {"error":{"message":"full","code":429}}\n\n'), failed("full", "429", 429));
    assert.deepEqual(read(created), [
      start,
      ...failed("The provider ended its stream before the answer was complete.", "upstream_truncated"),
    ]);
    assert.deepEqual(read("data: <html>\n\n"), failed("The provider sent an event that is not JSON.", "upstream_invalid_response"));
    assert.deepEqual(read(created + ": ping\n\n" + event("keepalive") + completed() + "data: [DONE]\n\n"), [start, ...ends("stop")]);
  });
});
