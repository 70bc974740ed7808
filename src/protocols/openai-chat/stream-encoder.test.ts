import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { replay, type BlockStart, type ChatRequest, type ChatResponse, type StreamEvent } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import { renderResponse } from "./render-response.ts";
import { ChatStreamEncoder } from "./stream-encoder.ts";

const request: ChatRequest = { model: "alias", stream: true, messages: [] };
const client = (includeUsage: boolean): ClientContext => ({ model: "alias", includeUsage, jsonArray: false, request });

function encode(events: readonly StreamEvent[], includeUsage = false): string {
  const encoder = new ChatStreamEncoder(client(includeUsage));
  return events.map((event) => encoder.push(event)).join("");
}

const start: StreamEvent = { type: "message-start", id: "x1", model: "up", createdAt: 17, usage: { input: 3 } };
const end: StreamEvent = { type: "message-end" };
const open = (index: number, block: BlockStart): StreamEvent => ({ type: "block-start", index, block });
const text = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "text", text: value } });
const args = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "arguments", text: value } });
const close = (index: number): StreamEvent => ({ type: "block-end", index });
const stop = (stopReason: ChatResponse["stopReason"]): StreamEvent => ({ type: "message-delta", stopReason, usage: { output: 5 } });

const chunk = (choices: string, usage = ""): string =>
  `data: {"id":"chatcmpl-x1","object":"chat.completion.chunk","created":17,"model":"alias","choices":${choices}${usage}}\n\n`;
const piece = (delta: string, usage = ""): string => chunk(`[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":null}]`, usage);
const last = (reason: string, usage = "", delta = "{}"): string =>
  chunk(`[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":"${reason}"}]`, usage);
const done = "data: [DONE]\n\n";

describe("the encoder of a Chat stream", () => {
  test("writes text word by word, and usage only if the client asked", () => {
    const events = [start, open(0, { type: "text" }), text(0, "Hé"), text(0, ""), text(0, "llo"), close(0), stop("stop"), end];
    assert.equal(
      encode(events),
      piece('{"role":"assistant","content":"","refusal":null}') +
        piece('{"content":"Hé"}') +
        piece('{"content":"llo"}') +
        last("stop") +
        done,
    );
    const none = ',"usage":null';
    assert.equal(
      encode(events, true),
      piece('{"role":"assistant","content":"","refusal":null}', none) +
        piece('{"content":"Hé"}', none) +
        piece('{"content":"llo"}', none) +
        last("stop", none) +
        chunk("[]", ',"usage":{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}') +
        done,
    );
  });

  test("numbers calls from 0 and keeps overlapping ones separate", () => {
    const events = [
      start,
      open(0, { type: "reasoning" }),
      text(0, "hm"),
      close(0),
      open(1, { type: "tool-call", id: "c1", name: "f", kind: "function" }),
      open(2, { type: "tool-call", id: "c2", name: "patch", kind: "custom" }),
      args(1, '{"a"'),
      args(2, "***"),
      args(1, ":1}"),
      { type: "block-delta", index: 1, delta: { type: "proof", proof: { protocol: "gemini-generate", kind: "signature", data: "sig" } } },
      close(1),
      close(2),
      stop("tool-calls"),
      end,
    ] satisfies StreamEvent[];
    assert.equal(
      encode(events),
      piece('{"role":"assistant","content":null,"reasoning_content":""}') +
        piece('{"reasoning_content":"hm"}') +
        piece('{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}') +
        piece('{"tool_calls":[{"index":1,"id":"c2","type":"custom","custom":{"name":"patch","input":""}}]}') +
        piece('{"tool_calls":[{"index":0,"function":{"arguments":"{\\"a\\""}}]}') +
        piece('{"tool_calls":[{"index":1,"custom":{"input":"***"}}]}') +
        piece('{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}') +
        piece('{"tool_calls":[{"index":0,"function":{"arguments":""},"extra_content":{"google":{"thought_signature":"sig"}}}]}') +
        last("tool_calls") +
        done,
    );
  });

  test("has a role even without content, and no usage if none was reported", () => {
    const bare: StreamEvent = { type: "message-start", id: "chatcmpl-x1", model: "up", createdAt: 17 };
    assert.equal(encode([bare, end], true), last("stop", ',"usage":null', '{"role":"assistant","content":"","refusal":null}') + done);
  });

  test("ends with the error, and writes nothing after it", () => {
    const error: StreamEvent = { type: "error", error: { status: 529, message: "Busy", code: "overloaded" } };
    assert.equal(
      encode([start, open(0, { type: "text" }), text(0, "a"), error, text(0, "b"), end]),
      piece('{"role":"assistant","content":"","refusal":null}') +
        piece('{"content":"a"}') +
        'data: {"error":{"message":"Busy","type":"server_error","param":null,"code":"overloaded"}}\n\n',
    );
  });

  test("sends a comment for a ping", () => {
    assert.equal(encode([start, { type: "ping" }]), ": keep-alive\n\n");
  });
});

const answer: ChatResponse = {
  id: "x1",
  model: "up",
  createdAt: 17,
  content: [
    { type: "text", text: "Ein schöner " },
    { type: "text", text: "Text \ud83d\ude00" },
    { type: "tool-call", id: "c1", name: "f", kind: "function", arguments: '{"a": 1.0}' },
    { type: "tool-call", id: "c2", name: "g", kind: "function", arguments: "" },
  ],
  stopReason: "tool-calls",
  usage: { input: 30, output: 12, cacheRead: 10, cacheWrite5m: 3, cacheWrite1h: 4, reasoning: 2 },
};

const completion = {
  id: "chatcmpl-x1",
  object: "chat.completion",
  created: 17,
  model: "alias",
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: "Ein schöner Text \ud83d\ude00",
        refusal: null,
        tool_calls: [
          { id: "c1", type: "function", function: { name: "f", arguments: '{"a": 1.0}' } },
          { id: "c2", type: "function", function: { name: "g", arguments: "" } },
        ],
      },
      logprobs: null,
      finish_reason: "tool_calls",
    },
  ],
  usage: {
    prompt_tokens: 30,
    completion_tokens: 12,
    total_tokens: 42,
    prompt_tokens_details: { cached_tokens: 10, cache_write_tokens: 7 },
    completion_tokens_details: { reasoning_tokens: 2 },
  },
};

/** The vendor's SDK, fed with an answer. */
function sdk(body: string, contentType: string): OpenAI {
  return new OpenAI({
    apiKey: "k",
    baseURL: "http://gateway.test/v1",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": contentType } })),
  });
}

const messages = [{ role: "user" as const, content: "hi" }];

describe("the vendor's SDK", () => {
  test("reads the JSON answer", async () => {
    const got = await sdk(renderResponse(answer, client(false)), "application/json").chat.completions.create({ model: "alias", messages });
    assert.deepEqual(JSON.parse(JSON.stringify(got)), completion);
  });

  test("accumulates the stream to the same answer", async () => {
    const stream = sdk(encode(replay(answer), true), "text/event-stream").chat.completions.stream({
      model: "alias",
      messages,
      stream_options: { include_usage: true },
    });
    const got: unknown = JSON.parse(JSON.stringify(await stream.finalChatCompletion()));
    const parsed = structuredClone(completion) as { choices: { message: object }[] };
    Object.assign(parsed.choices[0]!.message, { parsed: null });
    assert.deepEqual(got, parsed);
  });

  test("runs its tool runner over streams", async () => {
    const bodies = [
      encode(replay({ ...answer, content: answer.content.slice(2, 3) })),
      encode(replay({ ...answer, content: answer.content.slice(0, 2), stopReason: "stop" })),
    ];
    const openai = new OpenAI({
      apiKey: "k",
      baseURL: "http://gateway.test/v1",
      maxRetries: 0,
      fetch: () => Promise.resolve(new Response(bodies.shift(), { headers: { "content-type": "text/event-stream" } })),
    });
    const asked: unknown[] = [];
    const runner = openai.chat.completions.runTools({
      model: "alias",
      messages,
      stream: true,
      tools: [
        {
          type: "function",
          function: {
            name: "f",
            description: "",
            parameters: { type: "object", properties: {} },
            function: (given: object) => {
              asked.push(given);
              return "done";
            },
            parse: (given: string) => JSON.parse(given) as object,
          },
        },
      ],
    });
    assert.equal(await runner.finalContent(), "Ein schöner Text \ud83d\ude00");
    assert.deepEqual(asked, [{ a: 1 }]);
  });

  test("accumulates a custom call and a refusal", async () => {
    const custom: ChatResponse = {
      ...answer,
      content: [{ type: "tool-call", id: "c", name: "patch", kind: "custom", arguments: "*** Begin\n" }],
    };
    const calls: unknown[] = [];
    for await (const got of await sdk(encode(replay(custom)), "text/event-stream").chat.completions.create({
      model: "m",
      messages,
      stream: true,
    })) {
      calls.push(...(got.choices[0]?.delta.tool_calls ?? []));
    }
    assert.deepEqual(calls, [
      { index: 0, id: "c", type: "custom", custom: { name: "patch", input: "" } },
      { index: 0, custom: { input: "*** Begin\n" } },
    ]);

    const refused: ChatResponse = { ...answer, content: [{ type: "refusal", text: "I can't." }], stopReason: "refusal" };
    const stream = sdk(encode(replay(refused)), "text/event-stream").chat.completions.stream({ model: "m", messages });
    const choice = (await stream.finalChatCompletion()).choices[0]!;
    assert.deepEqual([choice.message.refusal, choice.finish_reason], ["I can't.", "stop"]);
  });

  test("throws the error of a stream", async () => {
    const broken = encode([start, open(0, { type: "text" }), text(0, "a"), { type: "error", error: { status: 502, message: "Gone" } }]);
    const stream = sdk(broken, "text/event-stream").chat.completions.stream({ model: "m", messages });
    await assert.rejects(stream.finalChatCompletion(), /Gone/);
  });
});
