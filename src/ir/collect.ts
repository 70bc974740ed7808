import type { Block, Citation, ReasoningProof } from "./block.ts";
import type { BlockStart, StreamError, StreamEvent } from "./events.ts";
import type { ChatResponse, StopReason } from "./response.ts";
import { mergeUsage, type Usage } from "./usage.ts";

interface OpenBlock {
  readonly start: BlockStart;
  text: string;
  proof: ReasoningProof | undefined;
  citations: Citation[] | undefined;
}

/** Turns the events of a stream into an answer. Call `push` for each event, and `finish` once `ended` or `error` is set. */
export class Collector {
  #head: Extract<StreamEvent, { type: "message-start" }> | undefined;
  readonly #blocks: OpenBlock[] = [];
  #usage: Usage | undefined;
  #stopReason: StopReason | undefined;
  #rawStopReason: string | undefined;
  #stopSequence: string | undefined;
  ended = false;
  error: StreamError | undefined;
  /** The error is the end of an answer that was generated. */
  hasBrokenEnd = false;

  push(event: StreamEvent): void {
    switch (event.type) {
      case "message-start":
        this.#head = event;
        if (event.usage !== undefined) this.#usage = mergeUsage(this.#usage, event.usage);
        return;
      case "block-start":
        this.#blocks[event.index] = { start: event.block, text: "", proof: undefined, citations: undefined };
        return;
      case "block-delta": {
        const block = this.#blocks[event.index];
        if (block === undefined) return;
        if (event.delta.type === "proof") block.proof = event.delta.proof;
        else if (event.delta.type === "citation") (block.citations ??= []).push(event.delta.citation);
        else block.text += event.delta.text;
        return;
      }
      case "message-delta":
        if (event.usage !== undefined) this.#usage = mergeUsage(this.#usage, event.usage);
        this.#stopReason = event.stopReason ?? this.#stopReason;
        this.#rawStopReason = event.rawStopReason ?? this.#rawStopReason;
        this.#stopSequence = event.stopSequence ?? this.#stopSequence;
        return;
      case "message-end":
        this.ended = true;
        return;
      case "error":
        this.error = event.error;
        if (event.end === undefined) return;
        this.hasBrokenEnd = true;
        this.#rawStopReason = event.end.rawStopReason;
        if (event.end.usage !== undefined) this.#usage = mergeUsage(this.#usage, event.end.usage);
        return;
      case "block-end":
      case "ping":
        return;
    }
  }

  /** The answer so far. */
  finish(): ChatResponse {
    return {
      id: this.#head?.id ?? "",
      model: this.#head?.model ?? "",
      createdAt: this.#head?.createdAt ?? 0,
      content: this.#blocks.filter((block) => block !== undefined).map(closeBlock),
      stopReason: this.#stopReason ?? "other",
      ...(this.#rawStopReason === undefined ? {} : { rawStopReason: this.#rawStopReason }),
      ...(this.#stopSequence === undefined ? {} : { stopSequence: this.#stopSequence }),
      usage: this.#usage ?? {},
      ...(this.#head?.extensions === undefined ? {} : { extensions: this.#head.extensions }),
    };
  }
}

function closeBlock(block: OpenBlock): Block {
  const { start, text, proof, citations } = block;
  const signed = proof === undefined ? {} : { proof };
  switch (start.type) {
    case "text":
      return { type: "text", text, ...(citations === undefined ? {} : { citations }) };
    case "refusal":
      return { type: "refusal", text };
    case "reasoning":
      return { ...start, text, ...signed };
    case "tool-call":
      return { ...start, arguments: text, ...signed };
    case "opaque":
      return start;
  }
}

/** The answer that a list of events describes. */
export function collect(events: Iterable<StreamEvent>): ChatResponse {
  const collector = new Collector();
  for (const event of events) collector.push(event);
  return collector.finish();
}
