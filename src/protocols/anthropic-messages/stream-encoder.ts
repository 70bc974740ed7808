import { mergeUsage, type BlockDelta, type BlockStart, type StopReason, type StreamEvent, type Usage } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { CitedPages } from "../shared/web-search.ts";
import type { ClientContext, StreamEncoder } from "../protocol.ts";
import { BlockWriter, frame } from "./block-writer.ts";
import { encodeStreamError } from "./errors.ts";
import { messageId, ownFields, renderOwnFields } from "./message-head.ts";
import { SearchWriter } from "./search-blocks.ts";
import { renderEnd } from "./stop-reason.ts";
import { renderDeltaUsage, renderUsage } from "./usage.ts";
import type { WireMessage } from "./wire.ts";

/** The vendor's own keep-alive; every client ignores it. */
export const ping = 'event: ping\ndata: {"type":"ping"}\n\n';

/** A block that has begun, and the part of it that is not written yet because an earlier block is still open. */
interface QueuedBlock {
  readonly writer: BlockWriter;
  readonly buffered: BlockDelta[];
  ended: boolean;
}

/**
 * Writes a Messages stream: `message_start`, content blocks strictly one after the other (index from 0), one `message_delta` with the stop reason and
 * the usage, `message_stop`. A block that begins while another is open waits until that one ends. An `error` ends the stream.
 */
export class AnthropicStreamEncoder implements StreamEncoder {
  readonly #client: ClientContext;
  readonly #byIndex = new Map<number, QueuedBlock>();
  /** Blocks in the order in which they began; the first is the open one. */
  readonly #queue: QueuedBlock[] = [];
  #written = 0;
  #usage: Usage = {};
  #stopReason: StopReason | undefined;
  #stopSequence: string | undefined;
  #own: WireObject = {};
  #hasToolCall = false;
  #hasRefusal = false;
  #over = false;

  readonly #pages = new CitedPages();
  readonly #searches: SearchWriter;

  constructor(client: ClientContext) {
    this.#client = client;
    this.#searches = new SearchWriter(client, this.#pages);
  }

  push(event: StreamEvent): string {
    if (this.#over) return "";
    switch (event.type) {
      case "block-delta":
        return this.#delta(event.index, event.delta);
      case "block-start":
        return this.#start(event.index, event.block);
      case "block-end":
        return this.#end(event.index);
      case "message-start":
        return this.#head(event);
      case "message-delta":
        this.#usage = event.usage === undefined ? this.#usage : mergeUsage(this.#usage, event.usage);
        this.#stopReason = event.stopReason ?? this.#stopReason;
        this.#stopSequence = event.stopSequence ?? this.#stopSequence;
        this.#own = { ...this.#own, ...ownFields(event.extensions) };
        return "";
      case "message-end":
        return this.#finish();
      case "error":
        this.#over = true;
        return encodeStreamError(event.error);
      case "ping":
        return ping;
    }
  }

  #head(event: Extract<StreamEvent, { type: "message-start" }>): string {
    this.#usage = event.usage ?? {};
    this.#own = ownFields(event.extensions);
    const message: WireMessage = {
      id: messageId(event.id),
      type: "message",
      role: "assistant",
      model: this.#client.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      ...renderOwnFields(this.#own),
      usage: renderUsage(this.#usage, this.#own["usage"]),
    };
    return frame("message_start", `"message":${JSON.stringify(message)}`);
  }

  #start(index: number, start: BlockStart): string {
    if (start.type === "tool-call") this.#hasToolCall = true;
    if (start.type === "refusal") this.#hasRefusal = true;
    const search = start.type === "opaque" && start.protocol !== "anthropic-messages" ? start.search : undefined;
    if (search !== undefined) return this.#writeWhole(this.#searches.push(search));
    const block: QueuedBlock = { writer: new BlockWriter(start, this.#client), buffered: [], ended: false };
    this.#byIndex.set(index, block);
    return this.#enqueue(block);
  }

  #enqueue(block: QueuedBlock): string {
    this.#queue.push(block);
    return this.#queue.length === 1 ? this.#write(block) : "";
  }

  /** Blocks that are complete. */
  #writeWhole(blocks: readonly WireObject[]): string {
    let text = "";
    for (const value of blocks) {
      const start: BlockStart = { type: "opaque", protocol: "anthropic-messages", value };
      const block: QueuedBlock = { writer: new BlockWriter(start, this.#client), buffered: [], ended: true };
      text += this.#enqueue(block);
      if (block === this.#queue[0]) text += this.#advance();
    }
    return text;
  }

  #delta(index: number, delta: BlockDelta): string {
    if (delta.type === "citation") this.#pages.add(delta.citation);
    const block = this.#byIndex.get(index);
    if (block === undefined || block.ended) return "";
    if (block === this.#queue[0]) return block.writer.delta(delta);
    block.buffered.push(delta);
    return "";
  }

  #end(index: number): string {
    const block = this.#byIndex.get(index);
    if (block === undefined || block.ended) return "";
    block.ended = true;
    return block === this.#queue[0] ? this.#advance() : "";
  }

  /** Closes the open block and writes the queued ones, up to the first block that has not ended. */
  #advance(): string {
    let text = "";
    for (let block = this.#queue[0]; block?.ended === true; block = this.#queue[0]) {
      text += this.#close(block);
      this.#queue.shift();
      const next = this.#queue[0];
      if (next !== undefined) text += this.#write(next);
    }
    return text;
  }

  /** Opens a block and writes its queued content. */
  #write(block: QueuedBlock): string {
    let text = block.writer.open(this.#written);
    for (const delta of block.buffered) text += block.writer.delta(delta);
    return text;
  }

  #close(block: QueuedBlock): string {
    const text = block.writer.close();
    if (block.writer.isWritten) this.#written++;
    return text;
  }

  #finish(): string {
    this.#over = true;
    let text = "";
    for (const block of this.#queue) block.ended = true;
    text += this.#advance();
    text += this.#writeWhole(this.#searches.end());
    const end = renderEnd({
      stopReason: this.#stopReason,
      stopSequence: this.#stopSequence,
      hasToolCall: this.#hasToolCall,
      hasRefusal: this.#hasRefusal,
    });
    const { container } = renderOwnFields(this.#own);
    const details = this.#own["stop_details"];
    const delta = JSON.stringify({ ...end, ...(isObject(details) ? { stop_details: details } : {}), container });
    const usage = JSON.stringify({ ...renderDeltaUsage(this.#usage), ...this.#searches.usage });
    return text + frame("message_delta", `"delta":${delta},"usage":${usage}`) + frame("message_stop", "");
  }
}
