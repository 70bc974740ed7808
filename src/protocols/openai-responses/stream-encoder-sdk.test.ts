import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import OpenAI from "openai";
import { SseSplitter, asBytes } from "../../core/index.ts";
import { replay, type Block, type BlockStart, type ChatRequest, type ChatResponse, type StreamEvent } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import { renderResponse } from "./render-response.ts";
import { ResponsesStreamEncoder } from "./stream-encoder.ts";

type Wire = Record<string, unknown>;
const client = (request: Partial<ChatRequest> = {}): ClientContext => ({
  model: "alias",
  includeUsage: false,
  jsonArray: false,
  request: { model: "alias", stream: true, messages: [], ...request },
});
const curious = client({ reasoning: { visibility: "summary" } });

function encode(events: readonly StreamEvent[], context = client()): string {
  const encoder = new ResponsesStreamEncoder(context);
  return events.map((event) => encoder.push(event)).join("");
}

/** The data of each event, without its checked number and name; of a response, only the fields that change. */
function eventsOf(stream: string): Wire[] {
  const splitter = new SseSplitter();
  return [...splitter.push(asBytes(stream)), ...splitter.end()].map((event, index) => {
    const { sequence_number: sequence, response, ...data } = JSON.parse(event.data) as Wire;
    assert.equal(sequence, index);
    assert.equal(data["type"], event.name);
    if (response === undefined) return data;
    const { id, model, created_at, status, output, usage, error, incomplete_details } = response as Wire;
    assert.deepEqual([id, model, created_at], ["resp_x1", "alias", 17]);
    return {
      ...data,
      status,
      output,
      usage,
      ...(error === null ? {} : { error }),
      ...(incomplete_details === null ? {} : { incomplete_details }),
    };
  });
}

const start: StreamEvent = { type: "message-start", id: "x1", model: "up", createdAt: 17, usage: { input: 3 } };
const open = (index: number, block: BlockStart): StreamEvent => ({ type: "block-start", index, block });
const text = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "text", text: value } });

const blocks: fc.Arbitrary<Block> = fc.oneof(
  fc.record({ type: fc.constant("text" as const), text: fc.string({ unit: "grapheme" }) }),
  fc.record({ type: fc.constant("refusal" as const), text: fc.string() }),
  fc.record({ type: fc.constant("reasoning" as const), text: fc.string() }),
  fc.record({
    type: fc.constant("tool-call" as const),
    id: fc.uuid(),
    name: fc.constantFrom("f", "g"),
    kind: fc.constantFrom("function" as const, "custom" as const),
    arguments: fc.string(),
  }),
);
const answers: fc.Arbitrary<ChatResponse> = fc.record({
  id: fc.constant("x1"),
  model: fc.constant("up"),
  createdAt: fc.constant(17),
  content: fc.array(blocks, { maxLength: 6 }),
  stopReason: fc.constantFrom("stop" as const, "length" as const, "tool-calls" as const, "content-filter" as const),
  usage: fc.constant({ input: 30, output: 12, cacheRead: 10, cacheWrite5m: 3, cacheWrite1h: 4, reasoning: 2 }),
});

/** The vendor's SDK, fed with an answer. */
function sdk(body: string, contentType: string): OpenAI {
  return new OpenAI({
    apiKey: "k",
    baseURL: "http://gateway.test/v1",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": contentType } })),
  });
}

const withoutConveniences = (response: unknown): unknown =>
  JSON.parse(
    JSON.stringify(response, (key, value: unknown) =>
      key === "output_text" || key === "output_parsed" || key === "parsed" || key === "parsed_arguments" ? undefined : value,
    ),
  );

describe("the vendor's SDK", () => {
  test("reads any answer, as JSON and accumulated from the stream", async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.boolean(), async (answer, asked) => {
        const context = asked ? curious : client();
        const body = renderResponse(answer, context);
        const json = await sdk(body, "application/json").responses.create({ model: "alias", input: "hi" });
        assert.deepEqual(withoutConveniences(json), JSON.parse(body));
        const events = encode(replay(answer), context);
        // One item at a time: Codex supports no overlapping items.
        const bounds = eventsOf(events).filter(({ type }) => String(type).startsWith("response.output_item."));
        bounds.forEach(({ type, output_index }, at) => {
          assert.deepEqual([type, output_index], [`response.output_item.${at % 2 === 0 ? "added" : "done"}`, at >> 1]);
        });
        const stream = sdk(events, "text/event-stream").responses.stream({ model: "alias", input: "hi" });
        assert.deepEqual(withoutConveniences(await stream.finalResponse()), JSON.parse(body));
        const text = answer.content.map((block) => (block.type === "text" ? block.text : "")).join("");
        assert.equal(json.output_text, text);
      }),
      { numRuns: 60 },
    );
  });

  test("gets deltas of text and of arguments that add up", async () => {
    const answer: ChatResponse = {
      id: "x1",
      model: "up",
      createdAt: 17,
      content: [
        { type: "text", text: "Text \ud83d\ude00" },
        { type: "tool-call", id: "c", name: "f", kind: "function", arguments: '{"a":1}' },
      ],
      stopReason: "tool-calls",
      usage: {},
    };
    const snapshots: unknown[] = [];
    const stream = sdk(encode(replay(answer)), "text/event-stream").responses.stream({ model: "alias", input: "hi" });
    stream.on("response.output_text.delta", ({ snapshot }) => snapshots.push(snapshot));
    stream.on("response.function_call_arguments.delta", ({ snapshot }) => snapshots.push(snapshot));
    await stream.done();
    assert.deepEqual(snapshots, ["Text \ud83d\ude00", '{"a":1}']);
  });

  test("reports the failure of a stream", async () => {
    const broken = encode([start, open(0, { type: "text" }), text(0, "a"), { type: "error", error: { status: 429, message: "Slow" } }]);
    const { status, error } = await sdk(broken, "text/event-stream").responses.stream({ model: "m", input: "hi" }).finalResponse();
    assert.deepEqual([status, error], ["failed", { code: "rate_limit_exceeded", message: "Slow" }]);
  });
});
