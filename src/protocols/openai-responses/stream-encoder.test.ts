import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SseSplitter, asBytes } from "../../core/index.ts";
import type { BlockStart, ChatRequest, ChatResponse, StreamEvent } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
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
const end: StreamEvent = { type: "message-end" };
const open = (index: number, block: BlockStart): StreamEvent => ({ type: "block-start", index, block });
const text = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "text", text: value } });
const args = (index: number, value: string): StreamEvent => ({ type: "block-delta", index, delta: { type: "arguments", text: value } });
const close = (index: number): StreamEvent => ({ type: "block-end", index });
const stop = (stopReason: ChatResponse["stopReason"]): StreamEvent => ({ type: "message-delta", stopReason, usage: { output: 5 } });

const usage = {
  input_tokens: 3,
  input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 8,
};
const opening = [
  { type: "response.created", status: "in_progress", output: [], usage: null },
  { type: "response.in_progress", status: "in_progress", output: [], usage: null },
];
const part = (value: string) => ({ type: "output_text", text: value, annotations: [], logprobs: [] });
const message = (id: string, content: unknown[], phase: string, status = "completed") => ({
  id,
  type: "message",
  status,
  role: "assistant",
  content,
  phase,
});
const added = (output_index: number, item: unknown) => ({ type: "response.output_item.added", output_index, item });
const done = (output_index: number, item: unknown) => ({ type: "response.output_item.done", output_index, item });

describe("the encoder of a Responses stream", () => {
  test("writes a whole message: added, in deltas, done", () => {
    const place = { item_id: "msg_x1_0", output_index: 0, content_index: 0 };
    const item = message("msg_x1_0", [part("Hé llo")], "final_answer");
    assert.deepEqual(
      eventsOf(encode([start, open(0, { type: "text" }), text(0, "Hé"), text(0, ""), text(0, " llo"), close(0), stop("stop"), end])),
      [
        ...opening,
        added(0, { id: "msg_x1_0", type: "message", status: "in_progress", role: "assistant", content: [] }),
        { type: "response.content_part.added", ...place, part: part("") },
        { type: "response.output_text.delta", ...place, delta: "Hé", logprobs: [] },
        { type: "response.output_text.delta", ...place, delta: " llo", logprobs: [] },
        { type: "response.output_text.done", ...place, text: "Hé llo", logprobs: [] },
        { type: "response.content_part.done", ...place, part: part("Hé llo") },
        done(0, item),
        { type: "response.completed", status: "completed", output: [item], usage },
      ],
    );
  });

  test("makes consecutive texts parts of one message, and a refusal another part", () => {
    const place = (content_index: number) => ({ item_id: "msg_x1_0", output_index: 0, content_index });
    const item = message("msg_x1_0", [part("a"), { type: "refusal", refusal: "no" }], "final_answer");
    const events = [
      start,
      open(0, { type: "text" }),
      text(0, "a"),
      close(0),
      open(1, { type: "refusal" }),
      text(1, "no"),
      close(1),
      stop("refusal"),
      end,
    ];
    assert.deepEqual(eventsOf(encode(events)).slice(4), [
      { type: "response.output_text.delta", ...place(0), delta: "a", logprobs: [] },
      { type: "response.output_text.done", ...place(0), text: "a", logprobs: [] },
      { type: "response.content_part.done", ...place(0), part: part("a") },
      { type: "response.content_part.added", ...place(1), part: { type: "refusal", refusal: "" } },
      { type: "response.refusal.delta", ...place(1), delta: "no" },
      { type: "response.refusal.done", ...place(1), refusal: "no" },
      { type: "response.content_part.done", ...place(1), part: { type: "refusal", refusal: "no" } },
      done(0, item),
      { type: "response.completed", status: "completed", output: [item], usage },
    ]);
  });

  test("writes reasoning as a summary if the client asked, then commentary, then calls of both kinds that overlap", () => {
    const proof = { protocol: "openai-responses", kind: "encrypted", data: "gAAA" } as const;
    const events: StreamEvent[] = [
      start,
      open(0, { type: "reasoning", id: "rs_7" }),
      text(0, "h"),
      text(0, "m"),
      { type: "block-delta", index: 0, delta: { type: "proof", proof } },
      close(0),
      open(1, { type: "text" }),
      text(1, "a"),
      close(1),
      open(2, { type: "tool-call", id: "c1", name: "f", kind: "function", itemId: "fc_9" }),
      open(3, { type: "tool-call", id: "c2", name: "exec", namespace: "functions", kind: "custom" }),
      args(2, '{"a"'),
      args(3, "x"),
      args(2, ":1}"),
      close(2),
      close(3),
      stop("tool-calls"),
      end,
    ];
    const summary = { item_id: "rs_7", output_index: 0, summary_index: 0 };
    const reasoning = { id: "rs_7", type: "reasoning", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "gAAA" };
    const place = { item_id: "msg_x1_1", output_index: 1, content_index: 0 };
    const said = message("msg_x1_1", [part("a")], "commentary");
    const f = { id: "fc_9", type: "function_call", status: "completed", call_id: "c1", name: "f", arguments: '{"a":1}' };
    const exec = {
      id: "ctc_x1_3",
      type: "custom_tool_call",
      status: "completed",
      call_id: "c2",
      name: "exec",
      namespace: "functions",
      input: "x",
    };
    assert.deepEqual(eventsOf(encode(events, curious)), [
      ...opening,
      added(0, { id: "rs_7", type: "reasoning", summary: [] }),
      { type: "response.reasoning_summary_part.added", ...summary, part: { type: "summary_text", text: "" } },
      { type: "response.reasoning_summary_text.delta", ...summary, delta: "h" },
      { type: "response.reasoning_summary_text.delta", ...summary, delta: "m" },
      { type: "response.reasoning_summary_text.done", ...summary, text: "hm" },
      { type: "response.reasoning_summary_part.done", ...summary, part: { type: "summary_text", text: "hm" } },
      done(0, reasoning),
      added(1, { id: "msg_x1_1", type: "message", status: "in_progress", role: "assistant", content: [] }),
      { type: "response.content_part.added", ...place, part: part("") },
      { type: "response.output_text.delta", ...place, delta: "a", logprobs: [] },
      { type: "response.output_text.done", ...place, text: "a", logprobs: [] },
      { type: "response.content_part.done", ...place, part: part("a") },
      done(1, said),
      added(2, { ...f, status: "in_progress", arguments: "" }),
      added(3, { ...exec, status: "in_progress", input: "" }),
      { type: "response.function_call_arguments.delta", item_id: "fc_9", output_index: 2, delta: '{"a"' },
      { type: "response.custom_tool_call_input.delta", item_id: "ctc_x1_3", output_index: 3, delta: "x" },
      { type: "response.function_call_arguments.delta", item_id: "fc_9", output_index: 2, delta: ":1}" },
      { type: "response.function_call_arguments.done", item_id: "fc_9", output_index: 2, arguments: '{"a":1}' },
      { type: "response.custom_tool_call_input.done", item_id: "ctc_x1_3", output_index: 3, input: "x" },
      done(2, f),
      done(3, exec),
      { type: "response.completed", status: "completed", output: [reasoning, said, f, exec], usage },
    ]);
  });

  test("hides reasoning if the client did not ask, and writes its proof if it is of this protocol", () => {
    const proof = (index: number, protocol: "anthropic-messages" | "openai-responses"): StreamEvent => ({
      type: "block-delta",
      index,
      delta: { type: "proof", proof: { protocol, kind: "encrypted", data: "enc" } },
    });
    const events: StreamEvent[] = [
      start,
      open(0, { type: "reasoning" }),
      text(0, "geheim ü"),
      proof(0, "openai-responses"),
      close(0),
      open(1, { type: "reasoning" }),
      text(1, "unsigned"),
      proof(1, "anthropic-messages"),
      close(1),
      end,
    ];
    const last = eventsOf(encode(events)).at(-1) as { output: Wire[] };
    assert.deepEqual(last.output, [
      { id: "rs_x1_0", type: "reasoning", summary: [], encrypted_content: "enc" },
      { id: "rs_x1_1", type: "reasoning", summary: [] },
    ]);
  });

  test("marks an incomplete answer, and the item that was cut", () => {
    const events = [
      start,
      open(0, { type: "text" }),
      text(0, "a"),
      close(0),
      open(1, { type: "tool-call", id: "c", name: "f", kind: "function" }),
      args(1, '{"'),
      stop("length"),
      end,
    ];
    const f = { id: "fc_x1_1", type: "function_call", status: "incomplete", call_id: "c", name: "f", arguments: '{"' };
    const said = message("msg_x1_0", [part("a")], "commentary");
    assert.deepEqual(eventsOf(encode(events)).slice(-3), [
      { type: "response.function_call_arguments.done", item_id: "fc_x1_1", output_index: 1, arguments: '{"' },
      done(1, f),
      { type: "response.incomplete", status: "incomplete", output: [said, f], usage, incomplete_details: { reason: "max_output_tokens" } },
    ]);
  });

  describe("delays a proof without text after a text", () => {
    const proof = { protocol: "openai-responses", kind: "encrypted", data: "enc" } as const;
    const signed = (index: number, ...deltas: StreamEvent[]): StreamEvent[] => [
      open(index, { type: "reasoning" }),
      ...deltas,
      { type: "block-delta", index, delta: { type: "proof", proof } },
      close(index),
    ];
    const words = [start, open(0, { type: "text" }), text(0, "a"), close(0)];
    const place = { item_id: "msg_x1_0", output_index: 0, content_index: 0 };
    const said = (phase: string, status?: string) => message("msg_x1_0", [part("a")], phase, status);
    const begun = { id: "rs_x1_1", type: "reasoning", summary: [] };
    const sealed = { ...begun, encrypted_content: "enc" };
    /** What follows the text. */
    const rest = (events: readonly StreamEvent[], context = client()): Wire[] => {
      const all = eventsOf(encode([...words, ...events], context));

      assert.deepEqual(all[6], { type: "response.content_part.done", ...place, part: part("a") });
      return all.slice(7);
    };

    test("to the answer's end, if the text is the final answer", () => {
      assert.deepEqual(rest([...signed(1), stop("stop"), end]), [
        done(0, said("final_answer")),
        added(1, begun),
        done(1, sealed),
        { type: "response.completed", status: "completed", output: [said("final_answer"), sealed], usage },
      ]);
    });

    test("until the answer is cut, and the text is incomplete", () => {
      const cut = said("final_answer", "incomplete");
      assert.deepEqual(rest([...signed(1), ...signed(2), stop("length"), end]), [
        done(0, cut),
        added(1, begun),
        done(1, sealed),
        added(2, { ...begun, id: "rs_x1_2" }),
        done(2, { ...sealed, id: "rs_x1_2" }),
        {
          type: "response.incomplete",
          status: "incomplete",
          output: [cut, sealed, { ...sealed, id: "rs_x1_2" }],
          usage,
          incomplete_details: { reason: "max_output_tokens" },
        },
      ]);
    });

    test("until it has text, and the text before it is commentary", () => {
      const summary = { item_id: "rs_x1_1", output_index: 1, summary_index: 0 };
      assert.deepEqual(rest([...signed(1, text(1, "hm")), stop("stop"), end], curious).slice(0, 4), [
        done(0, said("commentary")),
        added(1, begun),
        { type: "response.reasoning_summary_part.added", ...summary, part: { type: "summary_text", text: "" } },
        { type: "response.reasoning_summary_text.delta", ...summary, delta: "hm" },
      ]);
    });

    test("until a call begins, and no longer", () => {
      const call = { id: "fc_x1_2", type: "function_call", status: "in_progress", call_id: "c", name: "f", arguments: "" };
      assert.deepEqual(rest([...signed(1), open(2, { type: "tool-call", id: "c", name: "f", kind: "function" })]), [
        done(0, said("commentary")),
        added(1, begun),
        done(1, sealed),
        added(2, call),
      ]);
    });

    test("while the text continues", () => {
      const events = [start, open(0, { type: "text" }), ...signed(1), text(0, "a"), close(0), stop("stop"), end];
      assert.deepEqual(eventsOf(encode(events)).slice(4), [
        { type: "response.output_text.delta", ...place, delta: "a", logprobs: [] },
        { type: "response.output_text.done", ...place, text: "a", logprobs: [] },
        { type: "response.content_part.done", ...place, part: part("a") },
        done(0, said("final_answer")),
        added(1, begun),
        done(1, sealed),
        { type: "response.completed", status: "completed", output: [said("final_answer"), sealed], usage },
      ]);
    });

    test("until another message begins, which then is the final answer", () => {
      const answer = message("msg_x1_2", [part("b")], "final_answer");
      const all = rest([...signed(1), open(2, { type: "text" }), text(2, "b"), close(2), ...signed(3), stop("stop"), end]);
      assert.deepEqual(all.slice(0, 4), [
        done(0, said("commentary")),
        added(1, begun),
        done(1, sealed),
        added(2, { id: "msg_x1_2", type: "message", status: "in_progress", role: "assistant", content: [] }),
      ]);
      assert.deepEqual(all.at(-1)?.["output"], [said("commentary"), sealed, answer, { ...sealed, id: "rs_x1_3" }]);
    });
  });

  test("ends with response.failed, and writes nothing after it", () => {
    const error: StreamEvent = { type: "error", error: { status: 529, message: "Busy", code: "server_is_overloaded" } };
    const events = [start, open(0, { type: "reasoning" }), close(0), open(1, { type: "text" }), text(1, "a"), error, text(1, "b"), end];
    assert.deepEqual(eventsOf(encode(events)).at(-1), {
      type: "response.failed",
      status: "failed",
      output: [{ id: "rs_x1_0", type: "reasoning", summary: [] }],
      usage: { ...usage, output_tokens: 0, total_tokens: 3 },
      error: { code: "server_error", message: "Busy" },
    });
  });

  test("passes the vendor's own items, and sends a comment for a ping", () => {
    const item = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } };
    const events: StreamEvent[] = [
      start,
      open(0, { type: "opaque", protocol: "openai-responses", value: item }),
      close(0),
      open(1, { type: "opaque", protocol: "gemini-generate", value: item }),
      close(1),
      end,
    ];
    assert.deepEqual(eventsOf(encode(events)).slice(2, 4), [added(0, item), done(0, item)]);
    assert.equal(encode([{ type: "ping" }]), ": keep-alive\n\n");
  });
});
