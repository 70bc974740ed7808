import type { WireObject } from "../shared/fields.ts";
import { stringOf } from "./parse-response.ts";

/** A content block of a stream, put together from its start and its deltas, as the vendor gives it in an answer without a stream. */
export class BlockText {
  readonly #wire: Record<string, unknown>;
  readonly #citations: unknown[] = [];
  /** The input of a call, unchanged. */
  #input = "";

  /** @param start `content_block` of `content_block_start`. */
  constructor(start: WireObject) {
    this.#wire = { ...start };
  }

  push(delta: WireObject): void {
    switch (delta["type"]) {
      case "text_delta":
        return this.#append("text", delta["text"]);
      case "thinking_delta":
        return this.#append("thinking", delta["thinking"]);
      case "signature_delta":
        return this.#append("signature", delta["signature"]);
      case "compaction_delta":
        return this.#append("content", delta["content"]);
      case "citations_delta":
        this.#citations.push(delta["citation"]);
        return;
      case "input_json_delta":
        this.#input += stringOf(delta["partial_json"]);
    }
  }

  /** As JSON. */
  print(): string {
    const { input, citations, ...rest } = this.#wire;
    const known =
      this.#citations.length === 0 ? citations : [...(Array.isArray(citations) ? (citations as unknown[]) : []), ...this.#citations];
    const block = JSON.stringify({ ...rest, ...(known === undefined || known === null ? {} : { citations: known }) });
    if (input === undefined && this.#input === "") return block;
    return `${block.slice(0, -1)},"input":${this.#input === "" ? JSON.stringify(input) : this.#input}}`;
  }

  #append(key: string, text: unknown): void {
    this.#wire[key] = stringOf(this.#wire[key]) + stringOf(text);
  }
}
