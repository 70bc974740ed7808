import {
  mergeUsage,
  type BlockDelta,
  type BlockStart,
  type ReasoningProof,
  type StopReason,
  type StreamEvent,
  type Usage,
} from "../../ir/index.ts";
import { isObject } from "../shared/fields.ts";
import type { ClientContext, StreamEncoder } from "../protocol.ts";
import { encodeStreamError } from "./errors.ts";
import { GroundingWriter } from "./grounding.ts";
import { renderEnd } from "./render-stop-reason.ts";
import { CallRenderer, picturePart, showsThoughts, textPart } from "./parts.ts";
import { renderUsage } from "./usage.ts";

/**
 * An empty event, which all clients ignore. A comment would not do: @google/genai before 2.0 (and gemini-cli with it) accepts only white space and
 * `data: ` in a stream, and fails at anything else. One empty line would not do either: google.golang.org/genai 1.77 splits events at two line ends,
 * and would read it as the beginning of the next event.
 */
export const keepAlive = "\r\n\r\n";

interface OpenBlock {
  readonly start: BlockStart;
  /** The text of reasoning, or the arguments of a call, so far. */
  text: string;
  proof: ReasoningProof | undefined;
  /** Where the block begins in the answer's text. */
  readonly offset: number;
}

/**
 * Writes a stream of chunks, each `{"candidates":[{"content":{"parts":[…],"role":"model"},"index":0}],"modelVersion","responseId"}`. Texts and
 * thoughts are written as they come, function calls whole when their block ends. The last chunk has the finish reason and the usage. The stream is
 * SSE with CRLF, as the vendor writes it, or the elements of one JSON array. An `error` ends the stream.
 */
export class GeminiStreamEncoder implements StreamEncoder {
  readonly #client: ClientContext;
  readonly #showsThoughts: boolean;
  readonly #open = new Map<number, OpenBlock>();
  readonly #calls = new CallRenderer();
  /** The JSON at the end of every chunk. */
  #identity: string;
  #begun = false;
  #over = false;
  #usage: Usage = {};
  #stopReason: StopReason | undefined;
  #rawStopReason: string | undefined;
  #hasRefusal = false;
  readonly #grounding = new GroundingWriter();

  constructor(client: ClientContext) {
    this.#client = client;
    this.#identity = JSON.stringify({ modelVersion: client.model }).slice(1);
    this.#showsThoughts = showsThoughts(client);
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
        this.#identity = JSON.stringify({ modelVersion: this.#client.model, responseId: event.id }).slice(1);
        this.#usage = event.usage ?? {};
        return "";
      case "message-delta":
        this.#usage = event.usage === undefined ? this.#usage : mergeUsage(this.#usage, event.usage);
        this.#stopReason = event.stopReason ?? this.#stopReason;
        this.#rawStopReason = event.rawStopReason ?? this.#rawStopReason;
        return "";
      case "message-end":
        return this.#finish();
      case "error":
        this.#over = true;
        return this.#fail(encodeStreamError(event.error, this.#client));
      case "ping":
        if (!this.#begun) return "";
        return this.#client.jsonArray ? "\n" : keepAlive;
    }
  }

  #fail(error: string): string {
    return this.#client.jsonArray ? this.#write(error) + this.#close() : error;
  }

  #start(index: number, start: BlockStart): string {
    if (start.type === "refusal") this.#hasRefusal = true;
    this.#open.set(index, { start, text: "", proof: undefined, offset: this.#grounding.length });
    if (start.type === "opaque" && start.search !== undefined) this.#grounding.search(start.search);
    if (start.type !== "opaque") return "";
    if (start.protocol === "gemini-generate" && isObject(start.value)) return this.#chunk(JSON.stringify(start.value));
    const picture = start.media === undefined ? undefined : picturePart(start.media);
    return picture === undefined ? "" : this.#chunk(picture);
  }

  #delta(index: number, delta: BlockDelta): string {
    const block = this.#open.get(index);
    if (block === undefined) return "";
    if (delta.type === "proof") {
      block.proof = delta.proof;
      return "";
    }
    if (delta.type === "citation") {
      this.#grounding.cite(delta.citation, block.offset);
      return "";
    }
    switch (block.start.type) {
      case "text":
      case "refusal":
        this.#grounding.text(delta.text);
        return delta.text === "" ? "" : this.#chunk(textPart({ text: delta.text }));
      case "reasoning":
        block.text += delta.text;
        return delta.text === "" || !this.#showsThoughts ? "" : this.#chunk(textPart({ text: delta.text, thought: true }));
      case "tool-call":
        block.text += delta.text;
        return "";
      case "opaque":
        return "";
    }
  }

  #end(index: number): string {
    const block = this.#open.get(index);
    this.#open.delete(index);
    if (block === undefined) return "";
    if (block.start.type === "reasoning") return this.#endReasoning(block);
    if (block.start.type !== "tool-call") return "";
    const { proof } = block;
    const part = this.#calls.render({ ...block.start, arguments: block.text, ...(proof === undefined ? {} : { proof }) });
    return part === "" ? "" : this.#chunk(part);
  }

  /** The proof is written on an empty text. */
  #endReasoning({ text, proof }: OpenBlock): string {
    if (proof?.protocol !== "gemini-generate") return "";
    const thought = text !== "" && this.#showsThoughts ? { thought: true } : {};
    return this.#chunk(textPart({ text: "", ...thought, thoughtSignature: proof.data }));
  }

  #finish(): string {
    let out = "";
    for (const index of this.#open.keys()) out += this.#end(index);
    this.#over = true;
    const part = textPart({ text: "" });
    const end = renderEnd({
      stopReason: this.#stopReason,
      rawStopReason: this.#rawStopReason,
      hasRefusal: this.#hasRefusal,
      malformed: this.#calls.malformed,
    });
    const groundingMetadata = this.#grounding.metadata;
    const whole = groundingMetadata === undefined ? end : { ...end, groundingMetadata };
    const usage = `"usageMetadata":${JSON.stringify(renderUsage(this.#usage))},`;
    return out + this.#chunk(part, `${JSON.stringify(whole).slice(1, -1)},`, usage) + this.#close();
  }

  #chunk(part: string, end = "", usage = ""): string {
    return this.#write(`{"candidates":[{"content":{"parts":[${part}],"role":"model"},${end}"index":0}],${usage}${this.#identity}`);
  }

  #write(json: string): string {
    const isFirst = !this.#begun;
    this.#begun = true;
    return this.#client.jsonArray ? (isFirst ? "[" : ",\r\n") + json : `data: ${json}\r\n\r\n`;
  }

  #close(): string {
    return this.#client.jsonArray ? "\n]\n" : "";
  }
}
