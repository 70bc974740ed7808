import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, SseSplitter } from "../core/index.ts";
import { collect, type Citation, type ProtocolId } from "../ir/index.ts";
import { protocols } from "./index.ts";

/** A text in two pieces, with each vendor's citations between and after them. */
const streams: Readonly<Record<ProtocolId, readonly (object | string)[]>> = {
  "openai-chat": [
    { id: "1", model: "m", choices: [{ index: 0, delta: { role: "assistant", content: "a " } }] },
    {
      id: "1",
      model: "m",
      choices: [{ index: 0, delta: { annotations: [{ type: "url_citation", url_citation: { url: "https://a.example" } }] } }],
    },
    { id: "1", model: "m", choices: [{ index: 0, delta: { content: "b" }, logprobs: { content: [{ token: "b", logprob: -1 }] } }] },
    { id: "1", model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    "[DONE]",
  ],
  "openai-responses": [
    { type: "response.created", response: { id: "resp_1", model: "m" } },
    { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "m1", role: "assistant", content: [] } },
    { type: "response.content_part.added", output_index: 0, content_index: 0, part: { type: "output_text", text: "", annotations: [] } },
    { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "a " },
    {
      type: "response.output_text.annotation.added",
      output_index: 0,
      content_index: 0,
      annotation_index: 0,
      annotation: { type: "url_citation", url: "https://a.example", start_index: 0, end_index: 1 },
    },
    { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "b" },
    {
      type: "response.output_item.done",
      output_index: 0,
      item: {
        type: "message",
        id: "m1",
        role: "assistant",
        content: [
          {
            type: "output_text",
            text: "a b",
            annotations: [
              { type: "url_citation", url: "https://a.example" },
              { type: "url_citation", url: "https://b.example" },
            ],
          },
        ],
      },
    },
    { type: "response.completed", response: { id: "resp_1", model: "m", status: "completed", output: [] } },
  ],
  "anthropic-messages": [
    { type: "message_start", message: { id: "msg_1", model: "m", content: [], usage: { input_tokens: 1, output_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "", citations: [] } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "a " } },
    { type: "content_block_delta", index: 0, delta: { type: "citations_delta", citation: { type: "char_location", cited_text: "x" } } },
    {
      type: "content_block_delta",
      index: 0,
      delta: { type: "citations_delta", citation: { type: "web_search_result_location", url: "https://a.example", cited_text: "y" } },
    },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "b" } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
    { type: "message_stop" },
  ],
  "gemini-generate": [
    { candidates: [{ content: { parts: [{ text: "a " }] }, groundingMetadata: { webSearchQueries: ["q"] } }] },
    {
      candidates: [
        {
          content: { parts: [{ text: "b" }] },
          finishReason: "STOP",
          citationMetadata: { citationSources: [{}] },
          safetyRatings: [],
          groundingMetadata: {
            groundingChunks: [{ web: { uri: "https://a.example" } }],
            groundingSupports: [{ segment: { startIndex: 2, endIndex: 3 }, groundingChunkIndices: [0] }],
          },
        },
      ],
    },
  ],
};

const citations: Readonly<Record<ProtocolId, readonly Citation[]>> = {
  "openai-chat": [{ url: "https://a.example" }],
  "openai-responses": [{ url: "https://a.example", start: 0, end: 1 }, { url: "https://b.example" }],
  "anthropic-messages": [{ url: "https://a.example", citedText: "y", start: 0, end: 3 }],
  "gemini-generate": [{ url: "https://a.example", start: 2, end: 3 }],
};

for (const [id, events] of Object.entries(streams)) {
  test(`${id}: citations in a stream do not split its text, and belong to it`, () => {
    const decoder = protocols.get(id as ProtocolId)!.upstream.createStreamDecoder();
    const text = events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("");
    const decoded = new SseSplitter().push(latin1OfUtf8(text)).flatMap((event) => decoder.push(event));
    const { content, stopReason } = collect([...decoded, ...decoder.end()]);
    const texts = content.filter(({ type }) => type === "text");
    assert.deepEqual([texts, stopReason], [[{ type: "text", text: "a b", citations: citations[id as ProtocolId] }], "stop"]);
  });
}
