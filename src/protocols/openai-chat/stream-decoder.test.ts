import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { collect, type ReasoningProof, type StreamEvent } from "../../ir/index.ts";
import { decode, type Wire } from "../openai-shared/testing.ts";
import type { ToolNames } from "../translation.ts";
import { parseResponse } from "./parse-response.ts";
import { markReasoning } from "./returned-reasoning.ts";
import { ChatStreamDecoder } from "./stream-decoder.ts";

const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 7, model: "m" };
const chunk = (delta: unknown, finish: string | null = null, rest: Wire = {}): string =>
  `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: finish }], ...rest })}\n\n`;
const piece = (fields: Wire): string => chunk({ tool_calls: [fields] });
const done = "data: [DONE]\n\n";
const read = (stream: string, toolNames?: ToolNames): StreamEvent[] => decode(new ChatStreamDecoder(toolNames), stream);

const start: StreamEvent = { type: "message-start", id: "1", model: "m", createdAt: 7 };
const open = (index: number, type: "text" | "reasoning" | "refusal"): StreamEvent => ({ type: "block-start", index, block: { type } });
const call = (index: number, id: string, name: string, kind: "function" | "custom" = "function"): StreamEvent => ({
  type: "block-start",
  index,
  block: { type: "tool-call", id, name, kind },
});
const text = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "text", text: value } });
const args = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "arguments", text: value } });
const mark = (index: number, proof: ReasoningProof): StreamEvent => ({ type: "block-delta", index, delta: { type: "proof", proof } });
const close = (index: number): StreamEvent => ({ type: "block-end", index });
const ends = (stopReason: "stop" | "tool-calls" | "length" | "other", rawStopReason?: string, usage?: object): StreamEvent[] => [
  {
    type: "message-delta",
    stopReason,
    ...(rawStopReason === undefined ? {} : { rawStopReason }),
    ...(usage === undefined ? {} : { usage }),
  },
  { type: "message-end" },
];

describe("a Chat stream", () => {
  test("chunks without a role, reasoning under either name, and the usage after the finish reason", () => {
    const stream =
      chunk({ reasoning: "why", reasoning_content: "why" }) +
      chunk({ content: "he" }) +
      chunk({ content: "llo" }) +
      chunk({}, "stop") +
      `data: ${JSON.stringify({ ...head, choices: [], usage: { prompt_tokens: 5, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 2 } } })}\n\n` +
      done;
    assert.deepEqual(read(stream), [
      start,
      open(0, "reasoning"),
      text(0, "why"),
      mark(0, markReasoning("reasoning_content", [])),
      close(0),
      open(1, "text"),
      text(1, "he"),
      text(1, "llo"),
      close(1),
      ...ends("stop", "stop", { input: 5, output: 3, cacheRead: 2 }),
    ]);
  });

  test("pieces of a reasoning entry are joined, an encrypted entry comes whole", () => {
    const entry = (fields: Wire): string =>
      chunk({ reasoning_details: [{ id: null, format: "anthropic-claude-v1", index: 0, ...fields }] });
    const secret = { type: "reasoning.encrypted", data: "gAAA", id: "a", index: 1 };
    const stream =
      chunk({ reasoning: "Look ", reasoning_details: [{ type: "reasoning.text", text: "Look ", signature: null, index: 0 }] }) +
      entry({ type: "reasoning.text", text: "it up." }) +
      entry({ type: "reasoning.text", text: null, signature: "sig" }) +
      chunk({ reasoning_details: [secret], tool_calls: [{ index: 0, id: "a", function: { name: "ls", arguments: "{}" } }] }) +
      chunk({}, "tool_calls") +
      done;
    const entries = [{ type: "reasoning.text", text: "Look it up.", signature: "sig", index: 0, format: "anthropic-claude-v1" }, secret];
    assert.deepEqual(read(stream).slice(0, 6), [
      start,
      open(0, "reasoning"),
      text(0, "Look "),
      text(0, "it up."),
      mark(0, markReasoning(undefined, entries)),
      close(0),
    ]);
  });

  test("chunks that differ only in their delta are read like any other, and so are chunks between them that differ in more", () => {
    const of = (choice: Wire, rest: Wire = {}): string => `data: ${JSON.stringify({ ...head, ...rest, choices: [choice] })}\n\n`;
    const stream =
      chunk({ role: "assistant", content: "" }) +
      chunk({ content: "a" }) +
      chunk({ content: 'Größe {"}]' }) +
      of({ index: 1, delta: { content: "of another choice" }, finish_reason: null }) +
      chunk({ content: "b" }) +
      of({ index: 0, delta: { content: "c" }, finish_reason: null }, { created: 8 }) +
      of({ index: 0, delta: { content: "d" }, finish_reason: null }, { created: 8 }) +
      piece({ index: 0, id: "t", function: { name: "ls", arguments: "{}" } }) +
      chunk({ content: "e" }, null, { usage: { prompt_tokens: 5, completion_tokens: 3 } }) +
      chunk({ content: "f" }, "stop") +
      done;
    assert.deepEqual(read(stream), [
      start,
      open(0, "text"),
      text(0, "a"),
      text(0, 'Größe {"}]'),
      text(0, "b"),
      text(0, "c"),
      text(0, "d"),
      close(0),
      call(1, "t", "ls"),
      args(1, "{}"),
      open(2, "text"),
      text(2, "e"),
      text(2, "f"),
      close(2),
      close(1),
      ...ends("tool-calls", "stop", { input: 5, output: 3 }),
    ]);
  });

  test("only the delta of the answer is read: not that of another field, or of another choice in the chunk", () => {
    const meta = (seen: string, content: string): string =>
      `data: ${JSON.stringify({ ...head, meta: { delta: { content: seen } }, choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
    const two = (first: string, content: string): string =>
      `data: ${JSON.stringify({
        ...head,
        choices: [
          { index: 1, delta: { content: first } },
          { index: 0, delta: { content } },
        ],
      })}\n\n`;
    const textOf = (stream: string): string =>
      read(stream)
        .flatMap((event) => (event.type === "block-delta" && event.delta.type === "text" ? [event.delta.text] : []))
        .join();
    assert.equal(textOf(meta("x", "a") + meta("y", "a") + chunk({}, "stop") + done), "a,a");
    assert.equal(textOf(two("x", "a") + two("y", "a") + chunk({}, "stop") + done), "a,a");
  });

  test("what a chunk has beside its delta is read every time: usage, and an error", () => {
    const counted = (tokens: number): string => chunk({ content: "a" }, null, { usage: { prompt_tokens: 5, completion_tokens: tokens } });
    const words = chunk({ content: "a" }) + chunk({ content: "b" });
    assert.deepEqual(
      read(counted(1) + counted(2) + counted(1) + chunk({}, "stop") + done).slice(-2),
      ends("stop", "stop", { input: 5, output: 1 }),
    );
    assert.deepEqual(read(`${words}event: error\n${chunk({ content: "c" })}`).slice(-2), [
      text(0, "b"),
      { type: "error", error: { status: 500, message: "The provider ended its stream with an error without a message." } },
    ]);
  });

  test("a chunk with an invalid delta is an error", () => {
    const stream = chunk({ content: "a" }) + chunk({ content: "b" }).replace('"b"}', '"b}');
    assert.deepEqual(read(stream).at(-1), {
      type: "error",
      error: { status: 502, message: "The provider sent a chunk that is not JSON.", code: "upstream_invalid_response" },
    });
  });

  test("calls with interleaved indexes stay separate", () => {
    const stream =
      chunk({ content: "hm" }) +
      piece({ index: 0, id: "a", type: "function", function: { name: "read", arguments: "" } }) +
      piece({ index: 1, id: "b", type: "function", function: { name: "write", arguments: '{"x"' } }) +
      piece({ index: 0, function: { arguments: '{"p":1' } }) +
      piece({ index: 1, function: { arguments: ":2}" } }) +
      piece({ index: 0, function: { arguments: ".0}" } }) +
      chunk({}, "tool_calls") +
      done;
    assert.deepEqual(read(stream), [
      start,
      open(0, "text"),
      text(0, "hm"),
      close(0),
      call(1, "a", "read"),
      call(2, "b", "write"),
      args(2, '{"x"'),
      args(1, '{"p":1'),
      args(2, ":2}"),
      args(1, ".0}"),
      close(1),
      close(2),
      ...ends("tool-calls", "tool_calls"),
    ]);
  });

  test("calls whose index is missing, that come whole, or all under one index", () => {
    const whole = (id: string, fields: Wire = {}): Wire => ({
      id,
      type: "function",
      function: { name: "read", arguments: `{"n":"${id}"}` },
      ...fields,
    });
    const expected = [
      start,
      call(0, "a", "read"),
      args(0, '{"n":"a"}'),
      call(1, "b", "read"),
      args(1, '{"n":"b"}'),
      close(0),
      close(1),
      ...ends("tool-calls", "stop"),
    ];
    const last = chunk({}, "stop") + done;
    assert.deepEqual(read(piece(whole("a")) + piece(whole("b")) + last), expected);
    assert.deepEqual(read(chunk({ tool_calls: [whole("a"), whole("b")] }, "stop") + done), expected);
    assert.deepEqual(read(piece(whole("a", { index: 0 })) + piece(whole("b", { index: 0 })) + last), expected);
  });

  test("pieces without index and id continue the last call, and a repeated name begins no call", () => {
    const stream =
      piece({ id: "a", function: { name: "read", arguments: "{" } }) +
      piece({ id: "a", function: { name: "read", arguments: '"x":' } }) +
      piece({ function: { arguments: "1}" } }) +
      chunk({}, "tool_calls") +
      done;
    assert.deepEqual(collect(read(stream)).content, [{ type: "tool-call", id: "a", name: "read", kind: "function", arguments: '{"x":1}' }]);
  });

  test("calls under one index and without ids are separated by their names, or by arguments that are whole (reports 101 and 102)", () => {
    const said = (stream: string): string[] =>
      collect(read(stream + chunk({}, "tool_calls") + done)).content.map((block) =>
        block.type === "tool-call" ? `${block.name} ${block.arguments}` : block.type,
      );
    const google = (name: string, text: string, id: unknown = ""): string => piece({ index: 0, id, function: { name, arguments: text } });
    const go = (text: string): string => piece({ index: 0, function: { arguments: text } });
    const paris = '{"city":"Paris"}';
    assert.deepEqual(said(google("weather", paris) + google("time", '{"tz":"UTC"}')), [`weather ${paris}`, 'time {"tz":"UTC"}']);
    assert.deepEqual(said(google("weather", paris) + google("weather", '{"city":"Rom"}')), [`weather ${paris}`, 'weather {"city":"Rom"}']);
    assert.deepEqual(said(google("weather", paris, null) + google("weather", '{"ci') + go('ty":"Rom"}')), [
      `weather ${paris}`,
      'weather {"city":"Rom"}',
    ]);
    assert.deepEqual(said(google("weather", paris) + google("time", "") + go("{}")), [`weather ${paris}`, "time {}"]);
    assert.deepEqual(said(google("weather", paris) + google("weather", "") + go("{}")), [`weather ${paris}`, "weather {}"]);
    assert.deepEqual(said(google("weather", paris) + google("weather", "")), [`weather ${paris}`]);
    assert.deepEqual(said(google("weather", '{"a":"}{') + google("weather", '\\"["}')), ['weather {"a":"}{\\"["}']);
    assert.deepEqual(said(google("weather", paris, "a") + google("weather", paris, "a")), [`weather ${paris}`, `weather ${paris}`]);
    const bare = (text: string): string => piece({ function: { name: "weather", arguments: text } });
    assert.deepEqual(said(bare('{"city":') + bare('"Paris"}') + bare(paris)), [`weather ${paris}`, `weather ${paris}`]);
    const ids = collect(read(google("weather", paris, "a") + google("weather", "{}", "a") + chunk({}, "tool_calls") + done)).content.map(
      (block) => block.type === "tool-call" && block.id,
    );
    assert.equal(new Set(ids).size, 2);
  });

  test("arguments of two calls that nothing tells apart are an error, streamed and whole", () => {
    const glued = { index: 0, id: "a", function: { name: "read", arguments: '{"x":1}' } };
    const stream = piece(glued) + piece({ index: 0, function: { arguments: '{"x":2}' } }) + chunk({}, "tool_calls");
    const usage = { prompt_tokens: 5, completion_tokens: 3 };
    const error = {
      status: 502,
      message: "The provider sent the arguments of several tool calls as those of one.",
      code: "upstream_invalid_response",
    };
    assert.deepEqual(read(`${stream}data: ${JSON.stringify({ ...head, choices: [], usage })}\n\n${done}`).at(-1), {
      type: "error",
      error,
      end: { usage: { input: 5, output: 3 }, rawStopReason: "tool_calls" },
    });
    const whole = { ...glued, function: { name: "read", arguments: '{"x":1}{"x":2}' } };
    const message = { role: "assistant", tool_calls: [whole] };
    assert.throws(() => parseResponse(JSON.stringify({ ...head, choices: [{ index: 0, message, finish_reason: "stop" }], usage })), {
      upstream: error,
      facts: { id: "1", model: "m", usage: { input: 5, output: 3 } },
    });
  });

  test("a call without an id gets the one that its JSON form gets", () => {
    const wire = { function: { name: "read", arguments: "{}" } };
    const json = JSON.stringify({ ...head, choices: [{ index: 0, message: { tool_calls: [wire] }, finish_reason: "tool_calls" }] });
    const streamed = collect(read(piece({ index: 0, ...wire }) + chunk({}, "tool_calls") + done));
    assert.deepEqual(streamed, parseResponse(json));
    assert.match(JSON.stringify(streamed.content), /"id":"call_[0-9a-f]{24}"/);
  });

  test("arguments before the name are buffered; a call that never gets a name is an error", () => {
    const early = piece({ index: 0, id: "a", function: { arguments: '{"x":' } });
    assert.deepEqual(read(early + piece({ index: 0, function: { name: "read", arguments: "1}" } }) + chunk({}, "tool_calls") + done), [
      start,
      call(0, "a", "read"),
      args(0, '{"x":1}'),
      close(0),
      ...ends("tool-calls", "tool_calls"),
    ]);
    assert.deepEqual(read(early + chunk({}, "tool_calls") + done).at(-1), {
      type: "error",
      error: { status: 502, message: "The provider sent a tool call without a name.", code: "upstream_invalid_response" },
      end: { rawStopReason: "tool_calls" },
    });
    assert.deepEqual(read(chunk({ tool_calls: [{}, null, 3], content: 5 }) + chunk(null, "stop") + done), [start, ...ends("stop", "stop")]);
  });

  test("the client's own tools have their names, and free text is unwrapped", () => {
    const names: ToolNames = new Map([
      ["agents__spawn", { name: "spawn", namespace: "agents", kind: "function" }],
      ["patch", { name: "patch", kind: "custom" }],
    ]);
    const stream =
      piece({ index: 0, id: "a", function: { name: "agents__spawn", arguments: "{}" } }) +
      piece({ index: 1, id: "b", function: { name: "patch", arguments: '{"input":"*** \\u00' } }) +
      piece({ index: 1, function: { arguments: 'e9\\n"}' } }) +
      chunk({}, "tool_calls") +
      done;
    const events = read(stream, names);
    assert.deepEqual(collect(events).content, [
      { type: "tool-call", id: "a", name: "spawn", namespace: "agents", kind: "function", arguments: "{}" },
      { type: "tool-call", id: "b", name: "patch", kind: "custom", arguments: "*** é\n" },
    ]);
    assert.equal(events.filter((event) => event.type === "block-delta").length, 2);
  });

  test("custom calls, signatures of Gemini and pictures", () => {
    const stream =
      piece({ index: 0, id: "a", type: "custom", custom: { name: "patch", input: "x" } }) +
      piece({ index: 1, id: "b", function: { name: "read", arguments: "{}" }, extra_content: { google: { thought_signature: "c2ln" } } }) +
      chunk({ images: [{ type: "image_url", image_url: { url: "data:image/png;base64,aaaa" } }] }) +
      chunk({}, "stop") +
      done;
    assert.deepEqual(collect(read(stream)).content, [
      { type: "tool-call", id: "a", name: "patch", kind: "custom", arguments: "x" },
      {
        type: "tool-call",
        id: "b",
        name: "read",
        kind: "function",
        arguments: "{}",
        proof: { protocol: "gemini-generate", kind: "signature", data: "c2ln" },
      },
      {
        type: "opaque",
        protocol: "openai-chat",
        value: { type: "image_url", image_url: { url: "data:image/png;base64,aaaa" } },
        media: { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "aaaa" } },
      },
    ]);
  });

  test("of several choices the first one is read", () => {
    const other = `data: ${JSON.stringify({ ...head, choices: [{ index: 1, delta: { content: "no" }, finish_reason: "length" }] })}\n\n`;
    assert.deepEqual(read(other + chunk({ content: "yes" }) + other + chunk({}, "stop") + done), [
      start,
      open(0, "text"),
      text(0, "yes"),
      close(0),
      ...ends("stop", "stop"),
    ]);
  });

  test("a stream that ends without [DONE] is complete if it had a finish reason, and truncated if not", () => {
    const begun = [start, open(0, "text"), text(0, "a")];
    assert.deepEqual(read(chunk({ content: "a" }, "length")), [...begun, close(0), ...ends("length", "length")]);
    assert.deepEqual(read(chunk({ content: "a" })), [
      ...begun,
      {
        type: "error",
        error: { status: 502, message: "The provider ended its stream before the answer was complete.", code: "upstream_truncated" },
      },
    ]);
    assert.deepEqual(read(chunk({ content: "a" }) + done), [...begun, close(0), ...ends("other")]);
    assert.deepEqual(read(done), [
      {
        type: "error",
        error: { status: 502, message: "The provider's stream ended without an answer.", code: "upstream_invalid_response" },
      },
    ]);
  });

  test("an error in place of a chunk ends it, and nothing follows", () => {
    const error = 'data: {"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}\n\n';
    assert.deepEqual(read(chunk({ content: "a" }) + error + chunk({ content: "b" }) + done).slice(3), [
      { type: "error", error: { status: 429, message: "slow down", type: "rate_limit_error", code: "rate_limit_exceeded" } },
    ]);
    assert.deepEqual(
      read("data: <html>\n\n").map(({ type }) => type),
      ["error"],
    );
    assert.deepEqual(read(": ping\n\n" + chunk({ content: "a" }, "stop") + done).length, 6);
  });

  test("a recorded stream", () => {
    const answer = collect(read(readFileSync(new URL("fixtures/stream.txt", import.meta.url), "latin1")));
    assert.notEqual(answer.content.length, 0);
    assert.notEqual(answer.stopReason, "other");
    assert.notEqual(answer.usage.input, undefined);
  });
});
