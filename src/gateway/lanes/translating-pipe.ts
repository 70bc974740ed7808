import { asBytes, latin1OfEvents, noBytes, SseSplitter, type Bytes, type SseEvent } from "../../core/index.ts";
import { mergeUsage, type StreamEvent } from "../../ir/index.ts";
import {
  emptyEnd,
  PassedText,
  type AnswerFacts,
  type StreamDecoder,
  type StreamEncoder,
  type StreamTap,
  type UpstreamError,
} from "../../protocols/index.ts";
import type { EventSealer } from "../proofs/index.ts";

/** Reads the upstream's stream and writes the client's: decoder and encoder, and what a tap must know between them. */
export class TranslatingPipe implements StreamTap {
  readonly facts: AnswerFacts = {};
  opened = false;
  ended = false;
  finished = false;
  error: UpstreamError | undefined;
  readonly #text = new PassedText();
  readonly #decoder: StreamDecoder;
  readonly #sealer: EventSealer;
  readonly #encoder: StreamEncoder;
  readonly #createdAt: number;
  /** The first and the last of what was written, latin1. */
  #first = noBytes;
  #last = noBytes;

  constructor(decoder: StreamDecoder, sealer: EventSealer, encoder: StreamEncoder, createdAt: number) {
    this.#decoder = decoder;
    this.#sealer = sealer;
    this.#encoder = encoder;
    this.#createdAt = createdAt;
  }

  get textBytes(): number {
    return this.#text.bytes;
  }

  get textSample(): Bytes {
    return this.#text.sample;
  }

  push(event: SseEvent): Bytes {
    return this.#encode(this.#decoder.push(event));
  }

  completion(): Bytes {
    return this.#encode(this.#decoder.end());
  }

  /** What the client has received: its dialect's ids and numbers are the encoder's own. `reader` is a tap of that dialect. */
  factsSent(reader: StreamTap): AnswerFacts {
    for (const event of new SseSplitter().push(asBytes(this.#first + this.#last))) reader.push(event);
    const { usage } = this.facts;
    return { ...reader.facts, ...(usage === undefined ? {} : { usage }) };
  }

  #encode(events: readonly StreamEvent[]): Bytes {
    let text = "";
    for (const given of events) {
      if (this.ended) break;
      const event = this.#checked(given);
      this.#learn(event);
      // The caller ends the stream and reports the error.
      if (event.type === "error") break;
      const dated = event.type === "message-start" && event.createdAt === 0 ? { ...event, createdAt: this.#createdAt } : event;
      for (const sealed of this.#sealer.push(dated)) text += this.#encoder.push(sealed);
    }
    const written = latin1OfEvents(text);
    if (written !== "") {
      if (this.#first === "") this.#first = written;
      else this.#last = written;
    }
    return written;
  }

  #checked(event: StreamEvent): StreamEvent {
    if (event.type !== "message-delta" || event.stopReason !== "other" || this.opened) return event;
    const { usage, rawStopReason } = event;
    const end = { rawStopReason: rawStopReason ?? "", ...(usage === undefined ? {} : { usage }) };
    return { type: "error", error: emptyEnd(rawStopReason), end };
  }

  #learn(event: StreamEvent): void {
    const { facts } = this;
    switch (event.type) {
      case "message-start":
        facts.id = event.id;
        facts.model = event.model;
        if (event.usage !== undefined) facts.usage = mergeUsage(facts.usage, event.usage);
        return;
      case "block-start":
        if (event.block.type === "tool-call" || event.block.type === "opaque") this.opened = true;
        return;
      case "block-delta":
        this.opened = true;
        if ("text" in event.delta) this.#text.addParsed(event.delta.text);
        return;
      case "message-delta":
        if (event.usage !== undefined) facts.usage = mergeUsage(facts.usage, event.usage);
        if (event.rawStopReason !== undefined) facts.stopReason = event.rawStopReason;
        if (event.stopReason === undefined) return;
        if (event.stopReason === "content-filter" && !this.opened) facts.isBlocked = true;
        this.finished = true;
        this.opened = true;
        return;
      case "message-end":
        this.ended = true;
        this.finished = true;
        this.opened = true;
        return;
      case "error":
        this.error = event.error;
        if (event.end === undefined) return;
        this.finished = true;
        facts.stopReason = event.end.rawStopReason;
        if (event.end.usage !== undefined) facts.usage = mergeUsage(facts.usage, event.end.usage);
        return;
      case "block-end":
      case "ping":
    }
  }
}
