import assert from "node:assert/strict";
import * as fc from "fast-check";
import { latin1OfUtf8, SseSplitter, asBytes } from "../../core/index.ts";
import type { Block, ChatRequest, ChatResponse, Message, StreamEvent } from "../../ir/index.ts";
import { type ClientContext } from "../index.ts";
import { ProviderTraits } from "../model-traits.ts";
import type { RenderTarget, StreamDecoder } from "../translation.ts";

export type Wire = Record<string, unknown>;

/** A model that accepts everything. */
const all = { sampling: "always", needsPhase: false, efforts: undefined };

/** A provider like the vendor itself. */
export const target = (fields: Partial<RenderTarget> = {}): RenderTarget => ({
  model: "gpt-mock",
  stream: false,
  quirks: {},
  traits: new ProviderTraits("openai", fields.quirks?.noVendorFields !== true, [{ models: "gpt-mock", traits: all }]),
  ...fields,
});

export const client = (request: Partial<ChatRequest> = {}): ClientContext => ({
  model: "gpt-mock",
  includeUsage: true,
  jsonArray: false,
  request: { model: "gpt-mock", stream: true, messages: [], ...request },
});

/** A request with one turn of the user, and the fields that a test adds. */
export const request = (fields: Partial<ChatRequest> = {}): ChatRequest => ({
  model: "alias",
  stream: false,
  messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
  ...fields,
});

/** A turn of the user and one of the assistant, and blocks for them. */
export const text = (value: string): Block => ({ type: "text", text: value });
export const callOf = (id: string, fields: Partial<Extract<Block, { type: "tool-call" }>> = {}): Block => ({
  type: "tool-call",
  id,
  name: "read",
  kind: "function",
  arguments: '{"path": 1.0}',
  ...fields,
});
export const resultOf = (callId: string, content: readonly Block[] = [text("done")], isError?: boolean): Block => ({
  type: "tool-result",
  callId,
  content,
  ...(isError === undefined ? {} : { isError }),
});
export const user = (...content: Block[]): Message => ({ role: "user", content });
export const assistant = (...content: Block[]): Message => ({ role: "assistant", content });
export const png: Block = { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "aaaa" } };

/** The events of a stream given as text; `cuts` are the shares of its bytes at which it is cut into pieces. */
export function decode(decoder: StreamDecoder, stream: string, cuts: readonly number[] = []): StreamEvent[] {
  const bytes = latin1OfUtf8(stream);
  const at = cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b);
  const splitter = new SseSplitter();
  const events: StreamEvent[] = [];
  let from = 0;
  for (const end of [...at, bytes.length]) {
    for (const event of splitter.push(asBytes(bytes.slice(from, end)))) events.push(...decoder.push(event));
    from = end;
  }
  for (const event of splitter.end()) events.push(...decoder.push(event));
  return [...events, ...decoder.end()];
}

/** Checks the order that `StreamEvent` promises: one start, blocks in order of their indexes and each ended, one end or an error. */
export function checkOrder(events: readonly StreamEvent[]): void {
  const open = new Set<number>();
  let [blocks, started, over] = [0, false, false];
  for (const event of events) {
    assert.equal(over, false, "nothing follows the end");
    if (event.type === "message-start") started = true;
    else if (event.type === "error") over = true;
    else assert.equal(started, true, "nothing comes before the start");
    if (event.type === "block-start") {
      open.add(event.index);
      assert.equal(event.index, blocks++);
    }
    if (event.type === "block-delta") assert.equal(open.has(event.index), true, "a delta is of an open block");
    if (event.type === "block-end") assert.equal(open.delete(event.index), true, "a block ends once");
    if (event.type === "message-end") {
      assert.equal(open.size, 0, "all blocks have ended");
      over = true;
    }
  }
  assert.equal(over, true, "the stream came to an end");
}

const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((text) => text.isWellFormed());
const id = fc.stringMatching(/^[a-z0-9]{1,12}$/);

const call: fc.Arbitrary<Block> = fc.record({
  type: fc.constant("tool-call" as const),
  id: id.map((text) => `call_${text}`),
  name: fc.constantFrom("read", "write", "run"),
  kind: fc.constantFrom("function" as const, "custom" as const),
  arguments: fc.oneof(
    fc.constant("{}"),
    word.map((text) => JSON.stringify({ text })),
  ),
});

export const callBlock = call;
export const textBlock: fc.Arbitrary<Block> = word.map((text) => ({ type: "text", text }));
export const refusalBlock: fc.Arbitrary<Block> = word.map((text) => ({ type: "refusal", text }));
export const reasoningBlock: fc.Arbitrary<Block> = word.map((text) => ({ type: "reasoning", text }));

/** An answer with the given content. */
export function answerWith(content: fc.Arbitrary<readonly Block[]>): fc.Arbitrary<ChatResponse> {
  const count = fc.integer({ min: 0, max: 1e6 });
  return fc.record({
    id,
    model: fc.constant("up"),
    createdAt: fc.integer({ min: 1, max: 2e9 }),
    content: content.map((blocks) =>
      // Ids of calls are unique in an answer.
      blocks.map((block, index) => (block.type === "tool-call" ? { ...block, id: `${block.id}${index}` } : block)),
    ),
    stopReason: fc.constantFrom("stop", "length", "tool-calls", "content-filter", "refusal"),
    usage: fc.record({ input: count, output: count, cacheRead: count, reasoning: count }),
  });
}
